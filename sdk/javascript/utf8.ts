/** UTF-8, which QuickJS does not have as a function. */

export function encodeUtf8(text: string): Uint8Array {
  const units = text.length;
  let out = new Uint8Array(units + 16);
  let length = 0;
  for (let i = 0; i < units; i++) {
    let code = text.codePointAt(i) as number;
    if (code > 0xffff) i++;
    else if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (length + 4 > out.length) {
      const larger = new Uint8Array(out.length * 2 + 4);
      larger.set(out);
      out = larger;
    }
    if (code < 0x80) out[length++] = code;
    else {
      if (code < 0x800) out[length++] = 0xc0 | (code >> 6);
      else {
        if (code < 0x10000) out[length++] = 0xe0 | (code >> 12);
        else {
          out[length++] = 0xf0 | (code >> 18);
          out[length++] = 0x80 | ((code >> 12) & 0x3f);
        }
        out[length++] = 0x80 | ((code >> 6) & 0x3f);
      }
      out[length++] = 0x80 | (code & 0x3f);
    }
  }
  return out.slice(0, length);
}

const CHUNK = 4096;

/** Each maximal part of a broken sequence becomes one U+FFFD, as the WHATWG decoder has it; `fatal` throws instead. */
export function decodeUtf8(bytes: Uint8Array, fatal = false): string {
  let out = "";
  let units: number[] = [];
  const put = (unit: number): void => {
    if (units.push(unit) < CHUNK) return;
    out += String.fromCharCode(...units);
    units = [];
  };
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i++] as number;
    if (first < 0x80) {
      put(first);
      continue;
    }
    const more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
    // The second byte's range keeps out what is too long, surrogates, and what lies beyond U+10FFFF.
    let least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    let most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    let code = first & (0x3f >> more);
    let read = 0;
    while (read < more && i < bytes.length) {
      const next = bytes[i] as number;
      if (next < least || next > most) break;
      [least, most] = [0x80, 0xbf];
      code = (code << 6) | (next & 0x3f);
      i++;
      read++;
    }
    if (more === 0 || read < more) {
      if (fatal) throw new TypeError("the bytes are not UTF-8");
      put(0xfffd);
    } else if (code < 0x10000) put(code);
    else {
      put(0xd800 | ((code - 0x10000) >> 10));
      put(0xdc00 | ((code - 0x10000) & 0x3ff));
    }
  }
  return out + String.fromCharCode(...units);
}
