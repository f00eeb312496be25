/** `wasi:random`, 0.2. */
import { func, list, tuple, u64, u8, type WitInterface } from "../type.js";

export const random: Readonly<Record<string, WitInterface>> = {
  "wasi:random/random": {
    types: {},
    functions: { "get-random-bytes": func({ len: u64 }, list(u8)), "get-random-u64": func({}, u64) },
  },
  "wasi:random/insecure": {
    types: {},
    functions: { "get-insecure-random-bytes": func({ len: u64 }, list(u8)), "get-insecure-random-u64": func({}, u64) },
  },
  "wasi:random/insecure-seed": { types: {}, functions: { "insecure-seed": func({}, tuple(u64, u64)) } },
};
