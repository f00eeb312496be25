/** Asks a person for what the flags left open. Enter takes what stands in brackets. */
import { createInterface } from "node:readline/promises";
import { RlpError } from "#core/errors.js";
import { formatPlace } from "#core/errors.js";

export interface Question<T> {
  readonly ask: string;
  readonly otherwise: string;
  /** Throws an `RlpError` for an answer that cannot be used; the question is asked again. */
  readonly read: (answer: string) => T;
}

export interface Wizard {
  /** Null: the person left (Ctrl-C, Ctrl-D). */
  ask<T>(question: Question<T>): Promise<T | null>;
  close(): void;
}

export function openWizard(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Wizard {
  const lines = createInterface({ input, output, terminal: true });
  const gone = new AbortController();
  lines.on("close", () => gone.abort());
  lines.on("SIGINT", () => lines.close());
  return {
    async ask({ ask, otherwise, read }) {
      for (;;) {
        const typed = await lines.question(`${ask} [${otherwise}] `, { signal: gone.signal }).catch(() => null);
        if (typed === null) return null;
        try {
          return read(typed.trim() === "" ? otherwise : typed);
        } catch (error) {
          if (!(error instanceof RlpError)) throw error;
          const where = formatPlace(error.place);
          output.write(`  ${error.message}${where === "" ? "" : `, ${where}`}${error.hint ? ` (${error.hint})` : ""}\n`);
        }
      }
    },
    close: () => lines.close(),
  };
}
