/**
 * The lines of a trace file, in their order: the run's events as `rlp run --json` prints them; then, each with one key that says what
 * it is, where these events stand in the ledger's chain (`rows`), the bundles of its agents (`agent`), the bytes that events and
 * bundles name (`blob`), and the seal. A file without the latter ones is whole, too: `--trace-out` of older versions wrote such.
 */
import * as z from "zod";
import { digest } from "#core/values.js";
import { provenance } from "#core/events.js";
import { IDENTIFIER } from "#core/ids.js";

/** A file, a line of it, and what a line may hold. A blob line holds at most one blob of 64 MiB. */
export const traceLimits = { file: 1 << 30, blobLine: 96 << 20, line: 4 << 20, agents: 10_000, files: 256 } as const;

const count = z.int().nonnegative();
const agentName = z.string().refine((name) => {
  const [agent = "", ...variant] = name.split("@");
  return IDENTIFIER.test(agent) && variant.length <= 1 && variant.every((each) => /^[a-z0-9][a-z0-9_.-]{0,63}$/.test(each));
}, "not an agent's name");

/** Inside a bundle, whatever system writes it out: no `..`, no hidden files, no drives. */
const BUNDLE_PATH = /^(?=.{1,512}$)[A-Za-z0-9_@-][A-Za-z0-9_.@-]*(?:\/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*){0,15}$/;

export const blobLine = z.strictObject({ blob: digest, media_type: z.string().max(256), base64: z.string() });

export const rowsLine = z.strictObject({
  rows: z.strictObject({
    trace_id: z.string(),
    /** `seq` of the first. */
    from: count,
    rows: z.array(
      z.tuple([
        count,
        z.string().max(256),
        z.string().max(256),
        provenance,
        /** Of the row before, whosever that is, and its own: lower-case hexadecimal digits. */
        digest,
        digest,
      ]),
    ),
  }),
});
export type RowsLine = z.infer<typeof rowsLine>;

export const agentLine = z.strictObject({
  agent: z.strictObject({
    /** As the opening names it. */
    name: agentName,
    component: digest,
    /** Path in the bundle → digest of the blob. */
    files: z
      .record(z.string(), digest)
      .refine((files) => Object.keys(files).length <= traceLimits.files, "too many files")
      .refine((files) => Object.keys(files).every((path) => BUNDLE_PATH.test(path)), "not a file inside a bundle"),
  }),
});
export type AgentLine = z.infer<typeof agentLine>["agent"];

export const seal = z.strictObject({
  version: z.literal(1),
  trace_id: z.string(),
  /** The run and its children. */
  runs: count,
  events: count,
  agents: count,
  blobs: count,
  /** BLAKE3 of all lines before this one, each with its line feed. */
  content: digest,
});
export type Seal = z.infer<typeof seal>;

export const signature = z.strictObject({
  algorithm: z.literal("ed25519"),
  /** The public key, raw in base64: the list of known keys says what it is worth. */
  key: z.string().max(64),
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/),
});
export type Signature = z.infer<typeof signature>;

export const sealLine = z.strictObject({ seal, signature: signature.optional() });
