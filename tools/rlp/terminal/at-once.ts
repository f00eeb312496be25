/** Standard streams for a command that says what it found and ends. */
import { EventEmitter } from "node:events";
import { fstatSync, writeSync } from "node:fs";
import type { Sink } from "../output.js";

/**
 * Stands for `process.stdout` (1) or `process.stderr` (2) and writes to the descriptor itself where that is a file, a pipe or a socket: for
 * these Node loads all of its streams and sockets, a tenth of a short command's time. A write waits for its reader, so this is for commands
 * that have nothing else to do meanwhile. For anything else, a terminal above all, the process's own stream is asked for and used.
 */
export class AtOnce extends EventEmitter implements Sink {
  readonly #descriptor: number;
  readonly #stream: () => NodeJS.WriteStream;
  #taken: NodeJS.WriteStream | undefined;

  constructor(descriptor: number, stream: () => NodeJS.WriteStream) {
    super();
    this.#descriptor = descriptor;
    this.#stream = stream;
  }
  get isTTY(): boolean {
    return this.#own()?.isTTY ?? false;
  }
  get columns(): number | undefined {
    return this.#own()?.columns;
  }
  get rows(): number | undefined {
    return this.#own()?.rows;
  }

  write(text: string): boolean {
    const own = this.#own();
    if (own) return own.write(text);
    let rest = Buffer.from(text);
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#descriptor, rest));
    } catch (error) {
      // Who shares the descriptor has made it one that nobody waits for: that only the event loop can.
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return this.#take().write(rest);
      process.nextTick(() => this.emit("error", error));
    }
    return true;
  }

  #own(): NodeJS.WriteStream | undefined {
    return this.#taken ?? (direct(this.#descriptor) ? undefined : this.#take());
  }

  #take(): NodeJS.WriteStream {
    const stream = (this.#taken = this.#stream());
    stream.on("error", (error) => this.emit("error", error));
    stream.on("resize", () => this.emit("resize"));
    return stream;
  }
}

function direct(descriptor: number): boolean {
  if (process.platform === "win32") return false;
  const stat = fstatSync(descriptor);
  return stat.isFile() || stat.isFIFO() || stat.isSocket();
}
