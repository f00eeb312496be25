/** The standard streams of a command: an invocation to read, a result to gather, lines to hand on. */
import { AttemptFailed } from "../ends.js";
import { StreamClosed } from "./error.js";
import { InputStream, OutputStream } from "./streams.js";

/** Bytes that are all there. Every handle of standard input reads on where the last one stopped. */
export class Source {
  private readonly bytes: Uint8Array;
  private at = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (this.at >= this.bytes.length) throw new StreamClosed();
    const taken = this.bytes.slice(this.at, this.at + length);
    this.at += taken.length;
    return taken;
  }

  open(): InputStream {
    return new SourceStream(this);
  }
}

/** Where written bytes go. */
export interface Sink {
  take(bytes: Uint8Array): void;
}

/** Standard output: kept whole, and no more of it than an attempt's outputs may have. */
export class Gathered implements Sink {
  /** Grown by doubling: kept as they come, a million writes of one byte would take hundreds of times their size. */
  private buffer = Buffer.alloc(0);
  private size = 0;
  private readonly most: number;
  constructor(most: number) {
    this.most = most;
  }

  take(bytes: Uint8Array): void {
    const size = this.size + bytes.length;
    if (size > this.most)
      throw new AttemptFailed(
        {
          code: "host.component",
          message: `standard output is too large: more than ${this.most} bytes`,
          retryable: false,
        },
        { name: "output_bytes", value: size, ceiling: this.most },
      );
    if (size > this.buffer.length) {
      const larger = Buffer.alloc(Math.min(this.most, Math.max(size, this.buffer.length * 2, SMALLEST)));
      this.buffer.copy(larger, 0, 0, this.size);
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.size);
    this.size = size;
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size);
  }
}

const SMALLEST = 256;

class SourceStream extends InputStream {
  private readonly source: Source;
  constructor(source: Source) {
    super();
    this.source = source;
  }
  read(length: number): Uint8Array {
    return this.source.take(length);
  }
}

export class SinkStream extends OutputStream {
  private readonly sink: Sink;
  constructor(sink: Sink) {
    super();
    this.sink = sink;
  }
  write(bytes: Uint8Array): void {
    this.sink.take(bytes);
  }
}
