/** Lines of a stream, one at a time, none longer than a limit: what comes from elsewhere may have no end. */
import { StringDecoder } from "node:string_decoder";

/** Calls `tooLong` with the line's number, which throws, before more than `most` bytes of a line are held. Empty lines are left out. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array | string>,
  most: number,
  tooLong: (line: number) => never,
): AsyncGenerator<{ readonly text: string; readonly line: number }> {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  let held = 0;
  let line = 1;
  for await (const chunk of chunks) {
    const text = typeof chunk === "string" ? chunk : decoder.write(chunk);
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      parts.push(text.slice(from, end));
      if (held + end - from > most) tooLong(line);
      const whole = parts.join("");
      if (whole.trim() !== "") yield { text: whole, line };
      parts = [];
      held = 0;
      line++;
      from = end + 1;
    }
    held += text.length - from;
    if (held > most) tooLong(line);
    parts.push(text.slice(from));
  }
  const rest = parts.join("") + decoder.end();
  if (rest.trim() !== "") yield { text: rest, line };
}
