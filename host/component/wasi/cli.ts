/** `wasi:cli`, 0.2. */
import { func, list, option, own, result, string, tuple, u8, type WitFunction, type WitInterface } from "../type.js";
import { INPUT_STREAM, OUTPUT_STREAM } from "./io.js";

const TERMINAL_INPUT = "wasi:cli/terminal-input/terminal-input";
const TERMINAL_OUTPUT = "wasi:cli/terminal-output/terminal-output";

/** What a component of the world `command` exports, in the interface `wasi:cli/run`. */
export const RUN = "wasi:cli/run";
export const commandRun: WitFunction = func({}, result(null, null));

export const cli: Readonly<Record<string, WitInterface>> = {
  "wasi:cli/environment": {
    types: {},
    functions: {
      "get-environment": func({}, list(tuple(string, string))),
      "get-arguments": func({}, list(string)),
      "initial-cwd": func({}, option(string)),
    },
  },
  "wasi:cli/exit": {
    types: {},
    // The second came with a later minor version.
    functions: { exit: func({ status: result(null, null) }, null), "exit-with-code": func({ "status-code": u8 }, null) },
  },
  "wasi:cli/stdin": {
    types: {},
    uses: { "input-stream": INPUT_STREAM },
    functions: { "get-stdin": func({}, own(INPUT_STREAM)) },
  },
  "wasi:cli/stdout": {
    types: {},
    uses: { "output-stream": OUTPUT_STREAM },
    functions: { "get-stdout": func({}, own(OUTPUT_STREAM)) },
  },
  "wasi:cli/stderr": {
    types: {},
    uses: { "output-stream": OUTPUT_STREAM },
    functions: { "get-stderr": func({}, own(OUTPUT_STREAM)) },
  },
  "wasi:cli/terminal-input": { types: {}, resources: ["terminal-input"], functions: {} },
  "wasi:cli/terminal-output": { types: {}, resources: ["terminal-output"], functions: {} },
  "wasi:cli/terminal-stdin": {
    types: {},
    uses: { "terminal-input": TERMINAL_INPUT },
    functions: { "get-terminal-stdin": func({}, option(own(TERMINAL_INPUT))) },
  },
  "wasi:cli/terminal-stdout": {
    types: {},
    uses: { "terminal-output": TERMINAL_OUTPUT },
    functions: { "get-terminal-stdout": func({}, option(own(TERMINAL_OUTPUT))) },
  },
  "wasi:cli/terminal-stderr": {
    types: {},
    uses: { "terminal-output": TERMINAL_OUTPUT },
    functions: { "get-terminal-stderr": func({}, option(own(TERMINAL_OUTPUT))) },
  },
};
