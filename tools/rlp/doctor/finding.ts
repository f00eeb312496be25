/** What a check found. `broken`: something that rlp needs does not work. `warning`: it works, and could be better or safer. */
export interface Finding {
  readonly check: string;
  readonly status: "ok" | "warning" | "broken";
  readonly what: string;
  /** How to mend it; always there where the status is not `ok`. */
  readonly mend?: string;
}

export const ok = (check: string, what: string): Finding => ({ check, status: "ok", what });
export const warning = (check: string, what: string, mend: string): Finding => ({ check, status: "warning", what, mend });
export const broken = (check: string, what: string, mend: string): Finding => ({ check, status: "broken", what, mend });

/** One line of whatever was thrown. */
export function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
