/** What an attempt wants to leave behind in its granted directories, and what is known of it before it is done. */
import * as z from "zod";
import type { Digest } from "#core/digest.js";
import { digest } from "#core/values.js";
import { CHANGED_BYTES, CHANGES, PATH_BYTES } from "./limits.js";
import { namesOf } from "./path.js";

const dir = z.string().min(1).max(PATH_BYTES);
const path = z.string().min(1).max(PATH_BYTES);
const directory = z.strictObject({ kind: z.literal("directory") });
const size = z.int().nonnegative().max(CHANGED_BYTES);
const pieces = z.array(digest).max(CHANGES);
const version = z.string().regex(/^[0-9a-f]{32}$/, "not a version");

/** One name of a granted directory. null: nothing is there. A file that stays one is replaced as a whole. */
const wanted = z.strictObject({
  /** The granted directory. */
  dir,
  /** Below it, names joined by `/`. */
  path,
  before: z.discriminatedUnion("kind", [directory, z.strictObject({ kind: z.literal("file"), version })]).nullable(),
  after: z.discriminatedUnion("kind", [directory, z.strictObject({ kind: z.literal("file"), size, pieces })]).nullable(),
});
/** As a sandbox process asks for it. `version` is what the attempt was told when it met the file. */
export type WantedChange = z.infer<typeof wanted>;

/** In order of `dir` and `path`, each name once. */
export const wantedChanges = z
  .array(wanted)
  .min(1)
  .max(CHANGES)
  .superRefine((changes, context) => {
    const refused = (message: string, index: number): void =>
      void context.issues.push({ code: "custom", message, path: [index], input: changes });
    const seen = new Set<string>();
    let bytes = 0;
    for (const [index, { dir: below, path: at, before, after }] of changes.entries()) {
      const key = `${below}\0${at}`;
      if (seen.has(key)) refused("the same name twice", index);
      seen.add(key);
      if (before === null && after === null) refused("a change from nothing to nothing", index);
      if (before?.kind === "directory" && after?.kind === "directory") refused("a directory that stays one", index);
      if (after?.kind === "file") bytes += after.size;
      try {
        namesOf(at);
      } catch (error) {
        refused((error as Error).message, index);
      }
    }
    if (bytes > CHANGED_BYTES) refused(`files of ${bytes} bytes, where ${CHANGED_BYTES} are the limit`, 0);
  });

/** What stands under a name, by content. */
export type Content =
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly size: number; readonly digest: Digest }
  | null;

/** A change with the digests before and after it: what is decided on, and what is done. */
export interface Change {
  readonly dir: string;
  readonly path: string;
  readonly before: { readonly kind: "directory" } | ({ readonly version: string } & Extract<Content, { kind: "file" }>) | null;
  readonly after:
    | { readonly kind: "directory" }
    | ({ readonly pieces: readonly Digest[] } & Extract<Content, { kind: "file" }>)
    | null;
}

/** What was asked for, out of what was made of it. */
export function asWanted({ dir: below, path: at, before, after }: Change): WantedChange {
  return {
    dir: below,
    path: at,
    before: before?.kind === "file" ? { kind: "file", version: before.version } : before,
    after: after?.kind === "file" ? { kind: "file", size: after.size, pieces: [...after.pieces] } : after,
  };
}

export const sameContent = (a: Content, b: Content): boolean =>
  a === null || b === null
    ? a === b
    : a.kind === "file" && b.kind === "file"
      ? a.digest === b.digest && a.size === b.size
      : a.kind === b.kind;
