/** `policy.caps` and overrides: files in the language of capabilities. One that cannot be read whole grants nothing. */
import { readFile } from "node:fs/promises";
import type * as z from "zod";
import { RlpError } from "#core/errors.js";
import type { Grant } from "#openings/agent.js";
import { capsSchema, grantOf, narrowingOf } from "#openings/grant/language.js";
import type { Narrowing } from "#openings/grant/narrow.js";
import { readToml, TomlProblem } from "../component/toml.js";

export type PolicyCode =
  | "POLICY_INVALID"
  | "POLICY_UNREADABLE"
  /** A granted directory that is not there, or that no agent may have. */
  | "POLICY_DIRECTORY";

/** A policy file that cannot be read or says something that is not in the language. */
export class PolicyError extends RlpError<PolicyCode> {
  readonly family = "policy";
}

/** Reads the text of a policy: what is not named is off. Throws `PolicyError` with the line and a suggestion. */
export const parsePolicy = (bytes: Uint8Array, file: string): Grant => grantOf(parse(bytes, file));

/** As {@link parsePolicy}, of an override: what is not named stays as it is. */
export const parseOverride = (bytes: Uint8Array, file: string): Narrowing => narrowingOf(parse(bytes, file));

function parse(bytes: Uint8Array, file: string): z.infer<typeof capsSchema> {
  try {
    return readToml(bytes, file, capsSchema);
  } catch (error) {
    if (!(error instanceof TomlProblem)) throw error;
    throw new PolicyError("POLICY_INVALID", error.message, {
      place: error.place,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
}

/** Reads `policy.caps`. Throws `PolicyError`. */
export async function loadPolicy(file: string): Promise<Grant> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new PolicyError(
      "POLICY_UNREADABLE",
      `the policy cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      {
        place: { file },
        cause,
      },
    );
  }
  return parsePolicy(bytes, file);
}
