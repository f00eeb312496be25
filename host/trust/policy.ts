/**
 * `<home>/trust-policy.toml`: which keys may bring agents into this home, and with which capabilities at most. It lies in the home
 * and nowhere else. A file that cannot be read whole trusts nobody: there is no partly understood one.
 */
import { dirname } from "node:path";
import { makeFolder } from "#core/folder.js";
import * as z from "zod";
import { isDigest, type Digest } from "#core/digest.js";
import { IDENTIFIER } from "#core/ids.js";
import { nearest } from "#core/nearest.js";
import type { Grant } from "#openings/agent.js";
import { capsSchema, grantOf } from "#openings/grant/language.js";
import { readToml, TomlProblem } from "../component/toml.js";
import { TrustError } from "./error.js";
import { exclusively, replaceDurably } from "./exclusive.js";
import { readPrivate } from "./private-file.js";

/** What those may whose agents a rule is for. */
export interface Rule {
  /** Whether such an agent may be installed, and run once it is. */
  readonly install: boolean;
  /** Whether one may run at all, wherever it lies. */
  readonly run: boolean;
  /** At most this, and nothing that it does not name; null = what its own policy says. */
  readonly caps: Grant | null;
}

export interface TrustPolicy {
  /** The file; null where there is none and the defaults hold. */
  readonly file: string | null;
  /** Trusted keys without a rule of their own. */
  readonly default: Rule;
  /** Agents that no trusted key has signed. */
  readonly strangers: Rule;
  /** By the key's name. */
  readonly keys: ReadonlyMap<string, Rule>;
  /** Agents for which a person takes less than the full cage; with a digest only that very component. */
  readonly reduced: ReadonlyMap<string, Digest | null>;
}

const FILE_BYTES = 256 * 1024;

const rule = z.strictObject({ install: z.boolean().optional(), run: z.boolean().optional(), caps: capsSchema.optional() });
const agent = z.strictObject({
  isolation: z.enum(["full", "reduced"], { error: 'must be "full" or "reduced"' }),
  digest: z
    .custom<Digest>(isDigest, "must be the digest of the component, 64 hexadecimal digits (`rlp agent inspect`)")
    .optional(),
});
const schema = z.strictObject({
  version: z.literal(1, { error: "must be 1" }),
  default: rule.optional(),
  strangers: rule.optional(),
  keys: z.record(z.string().max(64), rule).optional(),
  agents: z.record(z.string().regex(IDENTIFIER, "is no agent's name"), agent).optional(),
});

const anything: Rule = { install: true, run: true, caps: null };

/** What holds without a file: trusted keys may, strangers may too (in the full cage), each as its own policy says. */
export const defaultTrust: TrustPolicy = {
  file: null,
  default: anything,
  strangers: anything,
  keys: new Map(),
  reduced: new Map(),
};

/** `keys`: the names that the list of keys knows; a rule for another one is a slip that would leave a key without its rule. Throws `TRUST_POLICY`. */
export function readTrustPolicy(file: string, keys: readonly string[]): TrustPolicy {
  const bytes = bytesOf(file);
  if (bytes === null) return defaultTrust;
  const given = parse(bytes, file);
  const unknown = Object.keys(given.keys ?? {}).find((name) => !keys.includes(name));
  if (unknown !== undefined) {
    const near = nearest(unknown, keys);
    throw nobody(`\`keys.${unknown.slice(0, 64)}\`: no known key is called that`, {
      place: { file },
      hint:
        near === undefined
          ? "`rlp keys list` shows the names; take the table out, or trust the key"
          : `did you mean \`${near}\`?`,
    });
  }
  return {
    file,
    default: ruleOf(given.default),
    strangers: ruleOf(given.strangers),
    keys: new Map(Object.entries(given.keys ?? {}).map(([name, one]) => [name, ruleOf(one)])),
    reduced: new Map(
      Object.entries(given.agents ?? {}).flatMap(([name, { isolation, digest }]) =>
        isolation === "reduced" ? [[name, digest ?? null] as const] : [],
      ),
    ),
  };
}

function bytesOf(file: string): Buffer | null {
  try {
    return readPrivate({ file, most: FILE_BYTES, secret: false });
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw nobody(error.message, {
      ...(error.place && { place: error.place }),
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}

function parse(bytes: Uint8Array, file: string): z.infer<typeof schema> {
  try {
    return readToml(bytes, file, schema);
  } catch (error) {
    if (!(error instanceof TomlProblem)) throw error;
    throw nobody(error.message, { place: error.place, ...(error.hint !== undefined && { hint: error.hint }) });
  }
}

const ruleOf = (given: z.infer<typeof rule> | undefined): Rule => ({
  install: given?.install ?? true,
  run: given?.run ?? true,
  caps: given?.caps ? grantOf(given.caps) : null,
});

type Details = ConstructorParameters<typeof TrustError>[2];

const nobody = (what: string, { place, hint, cause }: NonNullable<Details>): TrustError =>
  new TrustError("TRUST_POLICY", `the trust policy cannot be used, so nobody is trusted: ${what}`, {
    ...(place && { place }),
    hint: hint ?? "mend the file; `rlp caps lint` reads it again",
    ...(cause !== undefined && { cause }),
  });

/** Adds tables to the end of the file, which is made where it is missing; what stands there already keeps its words. */
export function addToTrustPolicy(file: string, text: string): void {
  makeFolder(dirname(file));
  exclusively(file, () => {
    const before = bytesOf(file)?.toString("utf8") ?? "version = 1\n";
    const after = `${before}${before.endsWith("\n") ? "" : "\n"}\n${text}`;
    parse(Buffer.from(after), file); // a table that is there already, and a file that is broken, are found before it is written
    replaceDurably(file, after);
  });
}
