/** Places in a bundled script, back in the author's files. Source maps, revision 3. */
import type { Place } from "#core/errors.js";
import type { Files } from "../layout.js";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** `line` and `column` from 1. Empty where the place is not the author's. */
export function originalPlace(map: string, line: number, column: number, sources: Files): Place {
  const { sources: names, mappings } = JSON.parse(map) as { sources: string[]; mappings: string };
  let [source, sourceLine, sourceColumn] = [0, 0, 0];
  let found: Place = {};
  mappings.split(";").every((text, index) => {
    let at = 0;
    for (const segment of text.split(",").filter((each) => each !== "")) {
      const [moved = 0, ...from] = numbers(segment);
      at += moved;
      if (from.length < 3) continue;
      source += from[0] as number;
      sourceLine += from[1] as number;
      sourceColumn += from[2] as number;
      if (index === line - 1 && at <= column - 1) {
        const file = (names[source] ?? "").replace(/^.*agent:/, "");
        found = sources.has(file) ? { file, line: sourceLine + 1, column: sourceColumn + 1 } : {};
      }
    }
    return index < line - 1;
  });
  return found;
}

/** Base 64 numbers of variable length, the sign in the lowest bit. */
function numbers(segment: string): number[] {
  const found: number[] = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits < 32) {
      found.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
      [value, shift] = [0, 0];
    }
  }
  return found;
}
