/** A set of changes as a person decides on it: texts as differences, everything else by size and digest. */
import { setImmediate as breathe } from "node:timers/promises";
import { visibleLine } from "#core/visible.js";
import { sameContent, type Change } from "./changes.js";
import { diffLines } from "./diff.js";
import { utf8 } from "./utf8.js";

/** A text that is larger is told by size and digest, as one that is none. */
export const TEXT_BYTES = 128 << 10;
/** All texts together; what comes after that is told by size and digest, and it is said so. */
const SHOWN_BYTES = 1 << 20;
/** All that is compared at all, before and after. */
const COMPARED_BYTES = 16 << 20;

const LINES_AT_ONCE = 1000;

export interface ShownChange {
  readonly change: Change;
  /** The bytes, where they are few enough to be looked at; null where there is no file. */
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

/** Texts are compared one after the other, and others have the thread in between. */
export async function showChanges(all: readonly ShownChange[]): Promise<string> {
  let left = SHOWN_BYTES;
  let compared = COMPARED_BYTES;
  const blocks: string[] = [];
  for (const one of all) {
    await breathe();
    compared -= (one.before?.length ?? 0) + (one.after?.length ?? 0);
    const diff = compared < 0 ? null : textDiff(one);
    const bytes = diff?.reduce((sum, line) => sum + line.length, 0) ?? 0;
    const fits = diff !== null && bytes <= left;
    if (fits) left -= bytes;
    blocks.push(`  ${headline(one)}`);
    if (!fits) blocks.push(...told(one, diff !== null || compared < 0));
    else
      for (let from = 0; from < diff.length; from += LINES_AT_ONCE) {
        await breathe();
        for (const line of diff.slice(from, from + LINES_AT_ONCE)) blocks.push(`    ${visibleLine(line)}`);
      }
  }
  return [`Change ${all.length === 1 ? "one name" : `${all.length} names`} in granted directories`, ...blocks].join("\n");
}

function headline({ change: { dir, path, before, after } }: ShownChange): string {
  const place = visibleLine(`${dir.replace(/\/$/, "")}/${path}`);
  const was = before === null ? null : before.kind;
  const is = after === null ? null : after.kind;
  if (is === null) return `remove ${was === "directory" ? "directory " : ""}${place}`;
  if (is === "directory") return was === null ? `make directory ${place}` : `make directory ${place} in the place of a file`;
  if (was === null) return `make ${place}`;
  if (sameContent(before, after)) return `leave ${place} as it is`;
  return was === "file" ? `change ${place}` : `make ${place} in the place of a directory`;
}

function textDiff({ change, before, after }: ShownChange): readonly string[] | null {
  const [wasFile, isFile] = [change.before?.kind === "file", change.after?.kind === "file"];
  if (!wasFile && !isFile) return [];
  const old = wasFile ? textOf(before) : "";
  const now = isFile ? textOf(after) : "";
  return old === null || now === null ? null : diffLines(old, now);
}

/** Bytes that are no text, or of which nobody has more than a digest. */
function told({ change: { before, after } }: ShownChange, isText: boolean): readonly string[] {
  const line = (name: string, content: Change["before"] | Change["after"]): readonly string[] =>
    content?.kind === "file" ? [`    ${name}: ${content.size} bytes, BLAKE3 ${content.digest}`] : [];
  return [
    isText ? "    (more text than is shown at once: by digest)" : "    (not shown as text)",
    ...line("before", before),
    ...line("after", after),
  ];
}

function textOf(bytes: Uint8Array | null): string | null {
  if (bytes === null || bytes.length > TEXT_BYTES) return null;
  const text = utf8(bytes);
  return text?.includes("\0") ? null : text;
}
