/** What every agent finds: no capability is needed for any of it. */
import { write } from "../log.js";
import { kindOf } from "../json.js";
import { clearTimer, setInterval, setTimeout } from "../timers.js";
import { URL, URLSearchParams } from "../url.js";
import { decodeUtf8, encodeUtf8 } from "../utf8.js";
import { Headers, Request, Response } from "../web.js";
import { cloneOf } from "../clone.js";
import { install } from "./install.js";

class TextEncoder {
  readonly encoding = "utf-8";
  encode(text: unknown = ""): Uint8Array {
    return encodeUtf8(String(text));
  }
  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    let [read, written] = [0, 0];
    for (const character of text) {
      const bytes = encodeUtf8(character);
      if (written + bytes.length > into.length) break;
      into.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

class TextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  constructor(label: unknown = "utf-8", { fatal = false, ignoreBOM = false }: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!/^\s*(unicode-1-1-)?utf-?8\s*$/i.test(String(label)))
      throw new RangeError(`the encoding \`${String(label)}\` is not UTF-8`);
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }
  decode(bytes?: ArrayBuffer | ArrayBufferView, { stream = false }: { stream?: boolean } = {}): string {
    if (stream) throw new TypeError("there are no streams here: decode all bytes at once");
    if (bytes === undefined) return "";
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    const text = decodeUtf8(view, this.fatal);
    return this.ignoreBOM ? text : text.replace(/^\ufeff/, "");
  }
}

/** One line; text as it is, values as JSON, as far as they can be told. */
function line(values: readonly unknown[]): string {
  return values
    .map((value) => {
      if (typeof value === "string") return value;
      if (value instanceof Error) return value.stack ? `${String(value)}\n${value.stack}` : String(value);
      if (typeof value !== "object" || value === null) return typeof value === "symbol" ? "a symbol" : String(value);
      try {
        return JSON.stringify(value) ?? kindOf(value);
      } catch {
        return kindOf(value);
      }
    })
    .join(" ");
}
const console = {
  log: (...values: unknown[]) => write("info", line(values)),
  info: (...values: unknown[]) => write("info", line(values)),
  warn: (...values: unknown[]) => write("warn", line(values)),
  error: (...values: unknown[]) => write("error", line(values)),
  debug: (...values: unknown[]) => write("debug", line(values)),
  trace: (...values: unknown[]) => write("trace", line(values)),
  assert: (holds: unknown, ...values: unknown[]) => {
    if (!holds) write("error", `assertion failed${values.length > 0 ? `: ${line(values)}` : ""}`);
  },
};

for (const [name, value] of Object.entries({
  console,
  setTimeout,
  setInterval,
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  TextEncoder,
  TextDecoder,
  URL,
  URLSearchParams,
  Headers,
  Request,
  Response,
  structuredClone: cloneOf,
}))
  install(name, value);
