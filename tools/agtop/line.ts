/** From bytes to entries: lines of `rlp run --json`, of a trace file, or of something else altogether. */
import { LINE_BYTES, parseRunEvent, type RunEvent } from "#core/events.js";
import { parseJson } from "#core/json.js";

export type Entry =
  | { readonly type: "event"; readonly event: RunEvent }
  /** Not an event: shown as it is, and counted. */
  | { readonly type: "invalid"; readonly text: string };

/** How much of a line that is too long stays to be looked at. */
const HEAD = 256;
const limits = { bytes: LINE_BYTES, depth: 64, elements: 100_000 };

/** One line without its line feed. Null for what a trace file holds beside events, and for empty lines. */
export function readLine(line: string): Entry | null {
  if (isBeside(line) || line.trim() === "") return null;
  try {
    return { type: "event", event: parseRunEvent(parseJson(line, limits)) };
  } catch {
    return { type: "invalid", text: line.slice(0, LINE_BYTES) };
  }
}

/** A trace file's other lines begin so, as it writes them; those of blobs can be far longer than any event. */
const isBeside = (line: string): boolean => /^\{"(?:blob|rows|agent|seal)":/.test(line);

/** Cuts a stream of bytes into entries. A line that has no end takes no more memory than the longest event. */
export class LineReader {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: false });
  #rest = "";
  /** Of a line that is too long, only its beginning is kept. */
  #overlong = false;

  push(bytes: Uint8Array): Entry[] {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What stands after the last line feed. */
  end(): Entry[] {
    const entries = this.#take(this.#decoder.decode());
    const last = this.#line("");
    return last === null ? entries : [...entries, last];
  }

  #take(text: string): Entry[] {
    const entries: Entry[] = [];
    let from = 0;
    for (let to = text.indexOf("\n"); to !== -1; to = text.indexOf("\n", from)) {
      const entry = this.#line(text.slice(from, to));
      if (entry !== null) entries.push(entry);
      from = to + 1;
    }
    if (!this.#overlong) this.#rest += text.slice(from);
    if (this.#rest.length > LINE_BYTES) {
      this.#overlong = true;
      this.#rest = this.#rest.slice(0, HEAD);
    }
    return entries;
  }

  #line(end: string): Entry | null {
    const line = this.#overlong ? this.#rest : this.#rest + end;
    const overlong = this.#overlong;
    this.#rest = "";
    this.#overlong = false;
    if (!overlong) return readLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    return isBeside(line) ? null : { type: "invalid", text: `${line}… (a line longer than ${LINE_BYTES} bytes)` };
  }
}
