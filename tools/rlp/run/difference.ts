/** What two runs differ in, for a person: one line for what is short, lines with `-` and `+` for what is long. */
import { isJsonObject, type Json } from "#core/json.js";
import { visibleLine, visibleText } from "#core/visible.js";
import { diffLines } from "#host/fs/diff.js";
import type { Difference, RunDifference } from "#openings/compare/difference.js";
import type { Colours } from "../terminal/colours.js";

/** Lines of one value's difference that are shown where nobody asked for more. */
const SHOWN = 40;
/** Values of so many characters stand in a line. */
const SHORT = 60;

const names: Readonly<Record<string, string>> = { final_hash: "result", with: "`with`", inputs: "what came in", epoch: "epoch" };

export function differenceLines(
  { a, b }: { readonly a: string; readonly b: string },
  found: RunDifference,
  colours: Colours,
  whole: boolean,
): readonly string[] {
  const head = [colours.red(`- ${visibleLine(a)}`), colours.green(`+ ${visibleLine(b)}`)];
  const equal = `${found.equal} node${found.equal === 1 ? "" : "s"} the same`;
  if (found.same) return [...head, `no difference: ${equal}`];
  const lines = [...head, ""];
  for (const difference of found.run) lines.push(...one(difference, "", colours, whole));
  if (found.parts !== null) lines.push(found.nodes.length > 0 ? colours.bold(`they part at ${visibleLine(found.parts)}`) : "");
  for (const { node, only, differences } of found.nodes) {
    lines.push("", colours.bold(visibleLine(node)) + (only === undefined ? "" : `  only in ${only === "a" ? a : b}`));
    for (const difference of differences) lines.push(...one(difference, "  ", colours, whole));
  }
  lines.push("", equal);
  return lines;
}

function one(difference: Difference<string>, indent: string, colours: Colours, whole: boolean): readonly string[] {
  const { what, at, a, b } = difference;
  const name = `${indent}${names[what] ?? what}${at === undefined ? "" : ` ${visibleLine(at)}`}`;
  if (what === "inputs") return [`${name} differs`];
  if (what === "request") return [`${name}${asked(a, b)}`];
  const [before, now] = [short(a, what), short(b, what)];
  if (before !== null && now !== null) return [`${name}: ${colours.red(before)} → ${colours.green(now)}`];
  const lines = diffLines(text(a), text(b)).map((line) => paint(visibleText(line).replaceAll("\n", " "), `${indent}  `, colours));
  const cut =
    whole || lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `${indent}  … ${lines.length - SHOWN} more lines: -v`];
  return [`${name}:`, ...cut];
}

/** Requests stand in the record as digests. */
function asked(a: Json, b: Json): string {
  if (a === null) return " is made only there (+)";
  if (b === null) return " is made only there (-)";
  const called = (value: Json): string => (Array.isArray(value) ? visibleLine(value.slice(0, 2).join(".")) : "");
  return called(a) === called(b) ? " asks something else" : `: ${called(a)} → ${called(b)}`;
}

function paint(line: string, indent: string, colours: Colours): string {
  const shown = `${indent}${line}`.trimEnd();
  if (line.startsWith("-")) return colours.red(shown);
  if (line.startsWith("+")) return colours.green(shown);
  return line.startsWith("@@") ? colours.dim(shown) : shown;
}

/** A value in a line; null where it needs more. */
function short(value: Json, what: string): string | null {
  if (value === null) return "nothing";
  if (typeof value === "number") return value.toLocaleString("en");
  if (what === "component" || what === "final_hash") return `${String(value).slice(0, 12)}…`;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return shown.length <= SHORT && !shown.includes("\n") ? visibleLine(shown) : null;
}

/** Texts as they are, and texts in objects with their own lines: a mail is read line by line. */
function text(value: Json): string {
  if (typeof value === "string") return `${value}\n`;
  if (value === null) return "";
  const long: string[] = [];
  const shown = isJsonObject(value)
    ? Object.fromEntries(
        Object.entries(value).map(([key, member]) => {
          if (typeof member !== "string" || !member.includes("\n")) return [key, member];
          long.push(`${key}:\n${member.replace(/^/gm, "  ")}`);
          return [key, "…"];
        }),
      )
    : value;
  return `${JSON.stringify(shown, null, 2)}\n${long.map((each) => `${each}\n`).join("")}`;
}
