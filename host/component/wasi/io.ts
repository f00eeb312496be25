/** `wasi:io`, 0.2. */
import {
  bool,
  borrow,
  func,
  list,
  own,
  result,
  string,
  u32,
  u64,
  u8,
  variant,
  type WitInterface,
  type WitType,
} from "../type.js";

export const INPUT_STREAM = "wasi:io/streams/input-stream";
export const OUTPUT_STREAM = "wasi:io/streams/output-stream";
export const POLLABLE = "wasi:io/poll/pollable";
export const ERROR = "wasi:io/error/error";

const streamError = variant({ "last-operation-failed": own(ERROR), closed: null });
const fallible = (ok: WitType | null): WitType => result(ok, streamError);
const bytes = list(u8);
const input = borrow(INPUT_STREAM);
const output = borrow(OUTPUT_STREAM);

export const io: Readonly<Record<string, WitInterface>> = {
  "wasi:io/error": {
    types: {},
    resources: ["error"],
    functions: { "[method]error.to-debug-string": func({ self: borrow(ERROR) }, string) },
  },
  "wasi:io/poll": {
    types: {},
    resources: ["pollable"],
    functions: {
      "[method]pollable.ready": func({ self: borrow(POLLABLE) }, bool),
      "[method]pollable.block": func({ self: borrow(POLLABLE) }, null),
      poll: func({ in: list(borrow(POLLABLE)) }, list(u32)),
    },
  },
  "wasi:io/streams": {
    types: { "stream-error": streamError },
    resources: ["input-stream", "output-stream"],
    uses: { error: ERROR, pollable: POLLABLE },
    functions: {
      "[method]input-stream.read": func({ self: input, len: u64 }, fallible(bytes)),
      "[method]input-stream.blocking-read": func({ self: input, len: u64 }, fallible(bytes)),
      "[method]input-stream.skip": func({ self: input, len: u64 }, fallible(u64)),
      "[method]input-stream.blocking-skip": func({ self: input, len: u64 }, fallible(u64)),
      "[method]input-stream.subscribe": func({ self: input }, own(POLLABLE)),
      "[method]output-stream.check-write": func({ self: output }, fallible(u64)),
      "[method]output-stream.write": func({ self: output, contents: bytes }, fallible(null)),
      "[method]output-stream.blocking-write-and-flush": func({ self: output, contents: bytes }, fallible(null)),
      "[method]output-stream.flush": func({ self: output }, fallible(null)),
      "[method]output-stream.blocking-flush": func({ self: output }, fallible(null)),
      "[method]output-stream.subscribe": func({ self: output }, own(POLLABLE)),
      "[method]output-stream.write-zeroes": func({ self: output, len: u64 }, fallible(null)),
      "[method]output-stream.blocking-write-zeroes-and-flush": func({ self: output, len: u64 }, fallible(null)),
      "[method]output-stream.splice": func({ self: output, src: input, len: u64 }, fallible(u64)),
      "[method]output-stream.blocking-splice": func({ self: output, src: input, len: u64 }, fallible(u64)),
    },
  },
};
