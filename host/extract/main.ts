/** A parser's process: files of one format in, their text out. It can read its own code and nothing else, and reaches nobody. */
import type { Extracted, ParsedFormat } from "#kb/ingest/extract.js";
import { openPipe } from "../sandbox/inside/pipe.js";
import { Transfers } from "../sandbox/transfer.js";
import { TEXT_BYTES } from "./limits.js";
import type { ExtractRequest, FromParser } from "./messages.js";

type Parse = (bytes: Uint8Array, format: ParsedFormat) => Extracted | Promise<Extracted>;

const parsers: Readonly<Record<ParsedFormat, () => Promise<{ readonly parse: Parse }>>> = {
  json: () => import("./formats/json.js"),
  ndjson: () => import("./formats/json.js"),
  eml: () => import("./formats/eml.js"),
  html: () => import("./formats/html.js"),
  pdf: () => import("./formats/pdf.js"),
};

const MESSAGE_BYTES = 4096;
const format = process.argv[2] as ParsedFormat;
const { parse } = await parsers[format]();
const transfers = new Transfers();
const pipe = openPipe(MESSAGE_BYTES, () => ({
  message: (text) => {
    const { id, bytes } = JSON.parse(text) as ExtractRequest;
    void transfers.expect(id, bytes).then((file) => answer(id, file));
  },
  chunk: (transfer, bytes) => transfers.chunk(transfer, bytes),
}));
const send = (message: FromParser): void => pipe.send(message);
send({ t: "ready" });

async function answer(id: number, file: Uint8Array): Promise<void> {
  try {
    const { text, title, mediaType } = await parse(file, format);
    const bytes = new TextEncoder().encode(text.toWellFormed().replaceAll("\0", ""));
    if (bytes.length > TEXT_BYTES) throw new Error(`its text is longer than ${TEXT_BYTES >> 20} MiB`);
    const shown = title
      ?.toWellFormed()
      .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
      .trim()
      .slice(0, 300)
      .toWellFormed();
    send({ t: "text", id, bytes: bytes.length, mediaType, ...(shown && { title: shown }) });
    pipe.sendBytes(id, bytes);
  } catch (error) {
    send({ t: "failed", id, message: (error instanceof Error ? error.message : String(error)).toWellFormed().slice(0, 1000) });
  }
}
