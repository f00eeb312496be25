/** Words of a text, for comparing: case and the accents of Latin, Greek and Cyrillic letters aside. */
import { Text } from "./text";

/**
 * Base letters of U+00C0…U+017F, one for one; `·` where a letter has none (it stays). In one piece: several would be put together at the
 * beginning of each attempt.
 */
const LATIN = "aaaaaaaceeeeiiiidnooooo·ouuuuytsaaaaaaaceeeeiiiidnooooo·ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/** Lower case without accents: `Zoë` → `zoe`. Letters of other scripts stay as they are. */
export function fold(text: string): string {
  const out = new Text();
  for (let i = 0; i < text.length; i++) {
    let unit = <u32>text.charCodeAt(i);
    if (unit >= 0x41 && unit <= 0x5a) unit += 32;
    else if (unit >= 0xc0 && unit <= 0x17f) {
      const base = <u32>LATIN.charCodeAt(unit - 0xc0);
      if (base != 0xb7) unit = base;
    } else if (unit >= 0x300 && unit <= 0x36f) continue;
    else if ((unit >= 0x391 && unit <= 0x3a9) || (unit >= 0x410 && unit <= 0x42f)) unit += 32;
    else if (unit >= 0x400 && unit <= 0x40f) unit += 80;
    out.unit(unit);
  }
  return out.toString();
}

/** The folded words: runs of letters and digits. Every unit above U+00BF counts as part of a word but general punctuation. */
export function words(text: string): string[] {
  const folded = fold(text);
  const found: string[] = [];
  let start = -1;
  for (let i = 0; i <= folded.length; i++) {
    const inside = i < folded.length && isWordUnit(<u32>folded.charCodeAt(i));
    if (inside && start < 0) start = i;
    if (!inside && start >= 0) {
      found.push(folded.substring(start, i));
      start = -1;
    }
  }
  return found;
}

function isWordUnit(unit: u32): bool {
  if (unit < 0x80) return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x7a);
  return unit >= 0xc0 && !(unit >= 0x2000 && unit <= 0x206f) && !(unit >= 0x3000 && unit <= 0x303f);
}
