/** The documentation as the tests read it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

/** The pages that a reader meets: those at the top, all of `docs/`, and the SDK's. Paths from the root. */
export const pages: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
  "sdk/README.md",
].sort();

export const textOf = (page: string): string => readFileSync(join(root, page), "utf8");

/** Rows of the tables behind a heading or a comment, up to the next one: the cells of each. */
export function rowsOf(page: string, after: string, until: string): readonly (readonly string[])[] {
  const text = textOf(page);
  const start = text.indexOf(after);
  if (start < 0) throw new Error(`${page} has no \`${after}\``);
  const end = text.indexOf(until, start + after.length);
  return text
    .slice(start, end < 0 ? undefined : end)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** Names in back-ticks. */
export const ticked = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? "");
