/**
 * Standard error as lines (and standard output, where that is not the result). What an attempt may say there is counted in lines and bytes, not in time, so that a replay keeps and drops
 * the same ones; what is dropped is counted, and the last lines are kept aside, since a program says last what it died of.
 */
import type { Sink } from "./stdio.js";

export type StreamName = "stdout" | "stderr";
export interface OutputLine {
  readonly stream: StreamName;
  /** `warn`: the host's own word on what was dropped. */
  readonly level: "info" | "warn";
  /** Without its line feed, at most {@link LINE} bytes of UTF-8. */
  readonly chunk: string;
}

/** What an attempt may say. A longer line is cut into several of this length. */
const MOST = { lines: 1000, bytes: 65_536 };
const LINE = 4096;
/** A byte that is no UTF-8 stands there as four characters, so a line of nothing else still fits. */
const RAW = LINE / 4;
const LAST_LINES = 5;
/** Bytes are paid for where they cross the border; 64 KiB of line feeds are far more work than 64 KiB of text. */
const LINE_FUEL = 200;

const NEWLINE = 0x0a;

export class Lines implements Sink {
  private readonly stream: StreamName;
  private readonly write: (line: OutputLine) => void;
  private readonly pay: (fuel: number) => void;
  /** Made when something is written: most attempts never write a line. */
  private buffer: Buffer | null = null;
  private filled = 0;
  private lines = 0;
  private bytes = 0;
  private readonly dropped = { lines: 0, bytes: 0 };
  /** The last lines, in a ring: a flood of short ones must not allocate. */
  private readonly last: { readonly bytes: Buffer; length: number }[] = [];
  private ended = 0;

  /** `pay` takes what the work costs the guest, and may throw. */
  constructor(stream: StreamName, write: (line: OutputLine) => void, pay: (fuel: number) => void) {
    this.stream = stream;
    this.write = write;
    this.pay = pay;
  }

  private get line(): Buffer {
    return (this.buffer ??= Buffer.allocUnsafeSlow(RAW));
  }

  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline;
      while (at < end) {
        const part = bytes.subarray(at, Math.min(end, at + RAW - this.filled));
        this.line.set(part, this.filled);
        this.filled += part.length;
        at += part.length;
        if (this.filled === RAW) this.endPaid(wholeCharacters(this.line));
      }
      if (newline < 0) return;
      this.endPaid(this.filled);
      at = newline + 1;
    }
  }

  /** Hands on what has no line feed, and says how much was dropped. */
  finish(): void {
    this.end(this.filled);
    const { lines, bytes } = this.dropped;
    if (lines === 0) return;
    const name = this.stream === "stdout" ? "standard output" : "standard error";
    this.write({
      stream: this.stream,
      level: "warn",
      chunk: `${lines} lines (${bytes} bytes) of ${name} were dropped: an attempt may write ${MOST.lines} lines and ${MOST.bytes} bytes`,
    });
    this.dropped.lines = 0;
  }

  /** The last lines, dropped ones and one without an end too, at most `length` characters of them. */
  lastWords(length: number): string {
    const count = Math.min(this.ended, LAST_LINES);
    const lines = Array.from({ length: count }, (_, index) => this.last[(this.ended - count + index) % LAST_LINES]!);
    const ended = lines.map((line) => visible(line.bytes.subarray(0, line.length)));
    const open = this.filled === 0 ? [] : [visible(this.line.subarray(0, this.filled))];
    const text = [...ended, ...open].join("\n");
    return text.length > length ? `…${text.slice(1 - length).toWellFormed()}` : text;
  }

  private endPaid(length: number): void {
    this.pay(LINE_FUEL);
    this.end(length);
  }

  /** Ends a line after `length` of the bytes that are there. Empty ones say nothing and are passed over. */
  private end(length: number): void {
    const carriageReturn = length > 0 && this.line[length - 1] === 0x0d;
    const size = carriageReturn ? length - 1 : length;
    if (size > 0) this.keep(size);
    if (length < this.filled) this.line.copyWithin(0, length, this.filled);
    this.filled -= length;
  }

  private keep(size: number): void {
    const last = (this.last[this.ended % LAST_LINES] ??= { bytes: Buffer.allocUnsafeSlow(RAW), length: 0 });
    this.ended++;
    this.line.copy(last.bytes, 0, 0, size);
    last.length = size;
    if (this.lines >= MOST.lines || this.bytes + size > MOST.bytes) {
      this.dropped.lines++;
      this.dropped.bytes += size;
      return;
    }
    this.lines++;
    this.bytes += size;
    this.write({ stream: this.stream, level: "info", chunk: visible(this.line.subarray(0, size)) });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decoded(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** As text; each byte that belongs to no character as `\xNN`. */
export function visible(bytes: Uint8Array): string {
  const whole = decoded(bytes);
  if (whole !== null) return whole;
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const size = sequenceLength(bytes[at]!);
    const character = size === 1 && bytes[at]! >= 0x80 ? null : decoded(bytes.subarray(at, at + size));
    text += character ?? `\\x${bytes[at]!.toString(16).padStart(2, "0")}`;
    at += character === null ? 1 : size;
  }
  return text;
}

/** Bytes of the character that begins with `lead`, if it begins with it. */
const sequenceLength = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

/** How many of the bytes to take so that no character is cut, where the last is one that goes on. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) break;
  }
  return bytes.length;
}
