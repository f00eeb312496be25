/**
 * Changes a component: bits, bytes, lengths, whole sections. Sections are found by their lengths alone, in nested components and core
 * modules as well; small ones are hit as often as large ones, since what describes the component is small beside its code.
 */
import type { Choices } from "../choices.js";

interface Section {
  /** Of its identifier, its content, and the byte after it. */
  readonly at: number;
  readonly from: number;
  readonly end: number;
}

const PREAMBLE = 8;
const NESTED = new Set([1, 4]);

function uleb(bytes: Uint8Array, at: number): readonly [value: number, next: number] {
  let value = 0;
  for (let next = at, scale = 1; next < bytes.length && next < at + 5; scale *= 128) {
    const byte = bytes[next++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, next];
  }
  return [0, bytes.length];
}

/** All sections, those inside of others included. */
function sections(bytes: Uint8Array, from = 0, end = bytes.length, depth = 0): Section[] {
  const found: Section[] = [];
  const component = bytes[from + 6] === 1;
  for (let at = from + PREAMBLE; at < end;) {
    const [size, content] = uleb(bytes, at + 1);
    const until = Math.min(content + size, end);
    if (content >= end) break;
    found.push({ at, from: content, end: until });
    if (component && depth < 3 && NESTED.has(bytes[at] as number)) found.push(...sections(bytes, content, until, depth + 1));
    at = until;
  }
  return found;
}

const LEBS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x7f],
  [0x80, 0x80, 0x80, 0x80, 0x00],
  [0x80, 0x00],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0x03],
];

function replaced(bytes: Uint8Array, from: number, end: number, by: ArrayLike<number>): Uint8Array {
  const changed = new Uint8Array(bytes.length - (end - from) + by.length);
  changed.set(bytes.subarray(0, from));
  changed.set(by, from);
  changed.set(bytes.subarray(end), from + by.length);
  return changed;
}

/** One to four changes. `other` gives what is spliced in. */
export function mutate(bytes: Uint8Array, other: Uint8Array, choices: Choices): Uint8Array {
  let changed = bytes;
  for (let left = 1 + choices.below(4); left > 0; left--) changed = mutateOnce(changed, other, choices);
  return changed;
}

function mutateOnce(bytes: Uint8Array, other: Uint8Array, choices: Choices): Uint8Array {
  const all = sections(bytes);
  if (all.length === 0 || bytes.length < PREAMBLE + 2) return bytes;
  const section = choices.pick(all);
  const inside = section.from + choices.below(Math.max(1, section.end - section.from));
  switch (choices.below(12)) {
    case 0:
    case 1:
    case 2: {
      const copy = bytes.slice();
      copy[inside] = (copy[inside] as number) ^ (1 << choices.below(8));
      return copy;
    }
    case 3:
    case 4: {
      const copy = bytes.slice();
      copy[inside] = choices.pick([0, 1, 2, 0x7f, 0x80, 0xff, choices.below(256)]);
      return copy;
    }
    case 5:
      return replaced(bytes, inside, Math.min(inside + choices.below(2), bytes.length), choices.pick(LEBS));
    case 6:
      return replaced(bytes, inside, Math.min(inside + 1 + choices.below(8), bytes.length), []);
    case 7:
      return replaced(bytes, inside, inside, bytes.subarray(inside, inside + 1 + choices.below(12)));
    case 8:
      return choices.once(4)
        ? bytes.slice(0, PREAMBLE + choices.below(bytes.length - PREAMBLE))
        : replaced(bytes, section.at, section.end, []);
    case 9:
      return replaced(bytes, section.at, section.at, bytes.subarray(section.at, section.end));
    case 10: {
      const target = choices.pick(all);
      const moved = bytes.slice(section.at, section.end);
      return replaced(bytes, target.at, target.at, moved);
    }
    default: {
      const from = choices.pick(sections(other));
      return replaced(bytes, section.at, section.end, from ? other.subarray(from.at, from.end) : []);
    }
  }
}
