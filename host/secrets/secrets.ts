/** Where the values of secrets come from. They are known to the control process only, and there to nothing but the gate. */
export interface Secrets {
  /** The value, or undefined where there is none. */
  get(id: string): string | undefined;
  /** Where a person would put it, for messages: never the value. */
  place(id: string): string;
}

/** `runloop/api-token` → `RUNLOOP_SECRET_RUNLOOP_API_TOKEN`. */
export const variableOf = (id: string): string => `RUNLOOP_SECRET_${id.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

/** Secrets in environment variables of the control process. Sandbox processes begin with an empty environment. */
export function environmentSecrets(environment: Readonly<Record<string, string | undefined>>): Secrets {
  return {
    get: (id) => environment[variableOf(id)] || undefined,
    place: (id) => `the environment variable ${variableOf(id)}`,
  };
}
