/**
 * UTF-8 from elsewhere. The standard library's decoder takes what is not well-formed at its word, and a lone surrogate cannot cross
 * the boundary to the host.
 */
import { Text } from "./text";

const REPLACEMENT: u32 = 0xfffd;

/** Each maximal part of a broken sequence becomes one U+FFFD, as the WHATWG decoder has it; a byte order mark stays. */
export function decodeUtf8(bytes: Uint8Array): string {
  const out = new Text();
  let i = 0;
  while (i < bytes.length) {
    const first = <u32>bytes[i++];
    if (first < 0x80) {
      out.unit(first);
      continue;
    }
    const more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
    if (more == 0) {
      out.unit(REPLACEMENT);
      continue;
    }
    // The second byte's range keeps out what is too long, surrogates, and what lies beyond U+10FFFF.
    let least: u32 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    let most: u32 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    let code = first & (0x3f >> more);
    let read = 0;
    while (read < more && i < bytes.length) {
      const next = <u32>bytes[i];
      if (next < least || next > most) break;
      least = 0x80;
      most = 0xbf;
      code = (code << 6) | (next & 0x3f);
      i++;
      read++;
    }
    if (read < more) out.unit(REPLACEMENT);
    else if (code < 0x10000) out.unit(code);
    else {
      out.unit(0xd800 | ((code - 0x10000) >> 10));
      out.unit(0xdc00 | ((code - 0x10000) & 0x3ff));
    }
  }
  return out.toString();
}
