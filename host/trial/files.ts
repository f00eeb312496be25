/**
 * The files of a case: what stands in the granted directories when the attempt begins, in memory. The functions answer as the real
 * ones do (`imports/fs.ts`); nothing of this machine is read or written.
 */
import { blake3, type Digest } from "#core/digest.js";
import type { Json } from "#core/json.js";
import type { Grant } from "#openings/agent.js";
import type { WantedChange } from "../fs/changes.js";
import { granted } from "../fs/directories.js";
import { PIECE_BYTES } from "../fs/limits.js";
import { namesOf } from "../fs/path.js";
import type { Step } from "../fs/granted.js";
import { labelOf } from "../imports/fs.js";
import type { CallResult, HostFunctions } from "../imports/interface.js";

export interface TrialFiles {
  readonly functions: HostFunctions;
  /** Paths of the case that no granted directory holds. */
  readonly strays: readonly string[];
  /** Every file with its text, as the attempt has left it. */
  left(): Readonly<Record<string, string>>;
}

/** `files`: texts by absolute path. */
export function trialFiles(grant: Grant, files: Readonly<Record<string, string>>): TrialFiles {
  const directories = granted(grant).map(({ path }) => path);
  const contents = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  const stored = new Map<Digest, Buffer>();
  const version = (bytes: Buffer): string => blake3(bytes).slice(0, 32);
  const at = (dir: string, path: string): string => [dir.replace(/\/$/, ""), ...namesOf(path)].join("/");
  const below = (folder: string): string[] => [...contents.keys()].filter((path) => path.startsWith(`${folder}/`));
  const isDirectory = (path: string): boolean => directories.includes(path) || below(path).length > 0;

  const stat = (dir: string, path: string): readonly Step[] => {
    const steps: Step[] = [];
    const names = namesOf(path);
    for (let length = 1; length <= names.length; length++) {
      const place = at(dir, names.slice(0, length).join("/"));
      const bytes = contents.get(place);
      if (bytes) return [...steps, { kind: "regular-file", size: bytes.length, version: version(bytes) }];
      if (!isDirectory(place)) return [...steps, { error: "no-entry" }];
      steps.push({ kind: "directory" });
    }
    return steps;
  };
  const list = (dir: string, path: string): Json => {
    const folder = at(dir, path);
    const names = [...new Set(below(folder).map((each) => each.slice(folder.length + 1).split("/")[0]!))];
    const entries = names
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((name) => [name, contents.has(`${folder}/${name}`) ? "regular-file" : "directory"]);
    return isDirectory(folder) ? { entries, more: false } : { error: "no-entry" };
  };
  const read = (dir: string, path: string, wanted: string, offset: number, length: number): Json => {
    const bytes = contents.get(at(dir, path));
    if (!bytes || version(bytes) !== wanted) return { error: "io" };
    return { bytes: bytes.subarray(offset, offset + Math.min(length, PIECE_BYTES)).toString("base64") };
  };
  const store = (text: string): Json => {
    const bytes = Buffer.from(text, "base64");
    stored.set(blake3(bytes), bytes);
    return blake3(bytes);
  };
  const commit = (changes: readonly WantedChange[]): Json => {
    for (const { dir, path, after } of changes)
      if (after?.kind === "file") contents.set(at(dir, path), Buffer.concat(after.pieces.map((piece) => stored.get(piece)!)));
      else contents.delete(at(dir, path));
    return { tag: "done", val: { changes: changes.length } };
  };
  const answer =
    (work: (...args: never[]) => unknown) =>
    async (_: unknown, args: readonly Json[]): Promise<CallResult> => ({
      answer: { ok: work(...(args as never[])) as Json },
      labels: typeof args[0] === "string" && directories.includes(args[0]) ? [labelOf(args[0])] : [],
    });
  return {
    functions: new Map([
      ["fs.stat", answer((dir: string, path: string) => ({ steps: stat(dir, path) }))],
      ["fs.list", answer(list)],
      ["fs.read", answer(read)],
      ["fs.store", answer(store)],
      ["fs.commit", answer(commit)],
    ]),
    strays: [...contents.keys()].filter((path) => !directories.some((dir) => path.startsWith(`${dir.replace(/\/$/, "")}/`))),
    left: () =>
      Object.fromEntries([...contents].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, bytes]) => [path, bytes.toString()])),
  };
}
