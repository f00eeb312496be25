/**
 * A strict reader of tar archives (POSIX ustar with pax headers, and GNU's long names). It knows files and folders; links, devices,
 * sparse files and everything else that tar can hold are refused. Readers that forgive are what lets one archive mean two things.
 */
import { visibleLine } from "#core/visible.js";
import { Entries, installLimits } from "./entries.js";

const BLOCK = 512;
/** Headers of a long name or of pax: a path and a few times. */
const HEADER_BYTES = 64 << 10;

const KINDS: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  "7": "a contiguous file",
  K: "a long link",
  S: "a sparse file",
  M: "a part of another archive",
  V: "a volume label",
};

/** Reads an unpacked archive. `file` is for messages. Throws `InstallError`. */
export function readTar(bytes: Uint8Array, file: string): Entries {
  const entries = new Entries(file);
  const damaged = (what: string): Error => entries.refusal("INSTALL_MALFORMED", `the archive is damaged: ${what}`);
  let at = 0;
  let headers = 0;
  let longName: string | null = null;
  for (;;) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.length < BLOCK) throw damaged("it ends without its end mark");
    if (header.every((byte) => byte === 0)) break;
    if (++headers > installLimits.entries * 4) throw entries.refusal("INSTALL_TOO_LARGE", "it has too many headers");
    checkSum(header, damaged);
    const size = octal(header, 124, 12, damaged);
    const type = String.fromCharCode(header[156] ?? 0);
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw damaged("it ends in the middle of a file");
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if ((type === "x" || type === "g" || type === "L") && size > HEADER_BYTES)
      throw entries.refusal("INSTALL_TOO_LARGE", `a header has ${size} bytes`);
    switch (type) {
      case "L":
        longName = text(content, damaged);
        continue;
      case "x":
        longName = paxPath(content, entries, damaged) ?? longName;
        continue;
      case "g":
        if (paxPath(content, entries, damaged) !== null) throw entries.refusal("INSTALL_UNSAFE", "a global header names a path");
        continue;
    }
    const name = longName ?? nameOf(header, damaged);
    longName = null;
    if (type === "5") {
      if (size > 0) throw damaged("a folder has content");
      entries.folder(name);
    } else if (type === "0" || type === "\0") {
      if (name.endsWith("/")) throw damaged("a file is named like a folder");
      entries.file(name, content);
    } else
      throw entries.refusal(
        "INSTALL_UNSAFE",
        `\`${visibleLine(name.slice(0, 120))}\` is ${KINDS[type] ?? "of a kind that no bundle needs"}`,
      );
  }
  if (longName !== null) throw damaged("a long name belongs to no file");
  if (bytes.subarray(at).some((byte) => byte !== 0)) throw damaged("something follows its end mark");
  return entries;
}

type Damaged = (what: string) => Error;

/** The sum of the header's bytes, its own field taken as spaces. */
function checkSum(header: Uint8Array, damaged: Damaged): void {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] ?? 0);
  if (sum !== octal(header, 148, 8, damaged)) throw damaged("a header's checksum is wrong, or this is no tar archive");
}

function octal(header: Uint8Array, from: number, length: number, damaged: Damaged): number {
  const digits = Buffer.from(header.subarray(from, from + length))
    .toString("latin1")
    .replace(/[\0 ]+$/, "")
    .trimStart();
  if (!/^[0-7]{1,11}$/.test(digits)) throw damaged("a header's number is none, or this is no tar archive");
  return Number.parseInt(digits, 8);
}

function text(bytes: Uint8Array, damaged: Damaged): string {
  const end = bytes.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
  } catch {
    throw damaged("a name is not UTF-8");
  }
}

function nameOf(header: Uint8Array, damaged: Damaged): string {
  const name = text(header.subarray(0, 100), damaged);
  // GNU's own format ("ustar" and two spaces) has other things in the place of the prefix.
  const posix = Buffer.from(header.subarray(257, 263)).toString("latin1") === "ustar\0";
  const prefix = posix ? text(header.subarray(345, 500), damaged) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Records `<length> <key>=<value>\n`. Gives `path`; refuses keys that would change what a file is. */
function paxPath(content: Uint8Array, entries: Entries, damaged: Damaged): string | null {
  let path: string | null = null;
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const digits = space < 0 ? "" : Buffer.from(content.subarray(at, space)).toString("latin1");
    const length = /^[1-9][0-9]{0,5}$/.test(digits) ? Number(digits) : 0;
    if (length === 0 || at + length > content.length || content[at + length - 1] !== 0x0a || at + length <= space + 1)
      throw damaged("a pax header is malformed");
    const record = text(content.subarray(space + 1, at + length - 1), damaged);
    const equals = record.indexOf("=");
    const key = record.slice(0, Math.max(0, equals));
    if (key === "path") path = record.slice(equals + 1);
    else if (!/^(?:[amc]time|[ug]id|[ug]name|comment|LIBARCHIVE\.creationtime|SCHILY\.(?:dev|ino|nlink|fflags))$/.test(key))
      throw entries.refusal("INSTALL_UNSAFE", `a header has \`${visibleLine(key.slice(0, 60))}\`, which no bundle needs`);
    at += length;
  }
  return path;
}
