/** `wasi:cli`: no environment, no arguments, no folder, no terminal; standard streams, and an end of the program's own choice. */
import type { WasiFunction } from "./contract.js";
import { SinkStream, type Sink, type Source } from "./stdio.js";

/** The program has ended itself. Thrown through its frames; nothing of it runs afterwards. */
export class Exited extends Error {
  /** 0 is success. */
  readonly status: number;
  constructor(status: number) {
    super(`exit status ${status}`);
    this.status = status;
  }
}

export interface Stdio {
  readonly stdin: Source;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

type Functions = readonly (readonly [string, WasiFunction])[];

export function cliFunctions(stdio: Stdio): Readonly<Record<string, Functions>> {
  return {
    environment: [
      ["get-environment", () => []],
      ["get-arguments", () => []],
      ["initial-cwd", () => null],
    ],
    exit: [
      [
        "exit",
        ([status]) => {
          throw new Exited(Object.hasOwn(status as object, "ok") ? 0 : 1);
        },
      ],
      [
        "exit-with-code",
        ([code]) => {
          throw new Exited(code as number);
        },
      ],
    ],
    stdin: [["get-stdin", () => stdio.stdin.open()]],
    stdout: [["get-stdout", () => new SinkStream(stdio.stdout)]],
    stderr: [["get-stderr", () => new SinkStream(stdio.stderr)]],
    "terminal-stdin": [["get-terminal-stdin", () => null]],
    "terminal-stdout": [["get-terminal-stdout", () => null]],
    "terminal-stderr": [["get-terminal-stderr", () => null]],
  };
}
