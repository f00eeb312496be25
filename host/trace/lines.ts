/** A file's lines, each bounded: one line of a file from elsewhere must not fill the memory before anything looks at it. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { UsageError } from "#core/errors.js";
import { traceLimits } from "./line.js";

export const MADE_BY = "`rlp trace export`, or `rlp run … --trace-out FILE`, writes one";

/** Throws `USAGE` or `USAGE_NOT_FOUND` for what is no file, or too much. */
export async function* linesOf(file: string): AsyncIterable<string> {
  const info = await stat(file).catch((cause: unknown) => {
    throw new UsageError("USAGE_NOT_FOUND", `there is no trace file ${file}`, { place: { file }, cause, hint: MADE_BY });
  });
  if (!info.isFile()) throw new UsageError("USAGE", `${file} is not a file`, { place: { file } });
  if (info.size > traceLimits.file)
    throw new UsageError("USAGE", `the trace file has ${info.size} bytes, more than ${traceLimits.file}`, { place: { file } });
  let rest = "";
  const stream = createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 20 });
  for await (const chunk of readable(stream, file)) {
    if (chunk.includes("\n")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    } else rest += chunk;
    if (rest.length > traceLimits.blobLine)
      throw new UsageError("USAGE", `a line has more than ${traceLimits.blobLine} characters`, { place: { file } });
  }
  if (rest !== "") yield rest;
}

async function* readable(stream: AsyncIterable<string>, file: string): AsyncIterable<string> {
  try {
    yield* stream;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new UsageError("USAGE", `the trace file cannot be read (${code})`, { place: { file }, cause });
  }
}
