/**
 * `wasi:io/streams` for whoever has bytes to give or to take: standard streams, files, bodies. A stream is a subclass with one
 * method; the rules of the interface (closed for good after an end or a failure, permits, sizes) are kept here for all of them.
 *
 * A stream may wait for the control process within a call, by giving a promise. What it gives must not depend on when that answers.
 */
import { GuestTrap } from "../ends.js";
import { Resource, type Native, type WasiFunction } from "./contract.js";
import { StreamClosed, StreamFailed } from "./error.js";
import { AlwaysReady } from "./poll.js";
import { atMost, resourceOf } from "./values.js";

/** What one call carries at most, whatever a guest asks for. It may always be less. */
export const CHUNK = 65_536;
/** What may be written without having asked how much (WASI, `blocking-write-and-flush`). */
const UNASKED = 4096;

const CLOSED: Native = { err: { tag: "closed", val: null } };
const NOTHING = new Uint8Array(0);

abstract class Stream extends Resource {
  private ended = false;

  /** Carries out one operation. After an end or a failure there is no other: each further one says `closed`. */
  operation(work: () => Native | Promise<Native>): Native | Promise<Native> {
    if (this.ended) return CLOSED;
    try {
      const value = work();
      return value instanceof Promise
        ? value.then(
            (ok) => ({ ok }),
            (error: unknown) => this.failed(error),
          )
        : { ok: value };
    } catch (error) {
      return this.failed(error);
    }
  }

  private failed(error: unknown): Native {
    if (!(error instanceof StreamClosed || error instanceof StreamFailed)) throw error;
    this.ended = true;
    return error instanceof StreamClosed ? CLOSED : { err: { tag: "last-operation-failed", val: error.error } };
  }
}

export abstract class InputStream extends Stream {
  readonly resource = "input-stream";
  /**
   * At least one byte and at most `length`, which is 1 to {@link CHUNK}. Throws `StreamClosed` at the end, `StreamFailed` with an
   * error. The bytes are the caller's to keep.
   */
  abstract read(length: number): Uint8Array | Promise<Uint8Array>;
}

export abstract class OutputStream extends Stream {
  readonly resource = "output-stream";
  /** What `check-write` has allowed and no write has used yet. */
  private permit = 0;

  /** Takes all of the bytes, 1 to {@link CHUNK}, which are a copy. Throws as `read` does. */
  abstract write(bytes: Uint8Array): void | Promise<void>;
  /** Resolves when what was written is where it belongs. */
  flush(): void | Promise<void> {}

  checkWrite(): bigint {
    this.permit = CHUNK;
    return BigInt(CHUNK);
  }

  /** The number of bytes of a write, which must be within what `check-write` has allowed. */
  permitted(length: bigint): number {
    if (length > BigInt(this.permit))
      throw new GuestTrap(`wasi:io/streams: a write of ${length} bytes, where \`check-write\` has allowed ${this.permit}`);
    this.permit -= Number(length);
    return Number(length);
  }
}

const input = (value: Native | undefined): InputStream => resourceOf(InputStream, value);
const output = (value: Native | undefined): OutputStream => resourceOf(OutputStream, value);

/** Reads never wait for more than there is, so the blocking forms are the plain ones. */
const read: WasiFunction = ([self, length]) => {
  const most = atMost(length, CHUNK);
  return input(self).operation(() => (most === 0 ? NOTHING : input(self).read(most)));
};
const skip: WasiFunction = ([self, length]) => {
  const most = atMost(length, CHUNK);
  return input(self).operation(() => (most === 0 ? 0n : after(input(self).read(most), (bytes) => BigInt(bytes.length))));
};

const write: WasiFunction = ([self, contents]) => {
  const [stream, bytes] = [output(self), contents as Uint8Array];
  return stream.operation(() => put(stream, bytes, stream.permitted(BigInt(bytes.length))));
};
const writeZeroes: WasiFunction = ([self, length]) => {
  const stream = output(self);
  return stream.operation(() => {
    const size = stream.permitted(length as bigint);
    return put(stream, new Uint8Array(size), size);
  });
};
const writeAndFlush: WasiFunction = ([self, contents]) => {
  const [stream, bytes] = [output(self), contents as Uint8Array];
  const size = unasked(BigInt(bytes.length));
  return stream.operation(() => after(put(stream, bytes, size), () => flushed(stream)));
};
const writeZeroesAndFlush: WasiFunction = ([self, length]) => {
  const stream = output(self);
  const size = unasked(length as bigint);
  return stream.operation(() => after(put(stream, new Uint8Array(size), size), () => flushed(stream)));
};
const flush: WasiFunction = ([self]) => output(self).operation(() => flushed(output(self)));

/** An input that has ended or failed says so; the output is none the worse for it. */
const splice: WasiFunction = ([self, from, length]) => {
  const to = output(self);
  return after(read([from!, length!]), (given) => {
    const bytes = (given as { readonly ok?: Uint8Array }).ok;
    return bytes === undefined ? given : to.operation(() => after(put(to, bytes, bytes.length), () => BigInt(bytes.length)));
  });
};

export const streamFunctions: readonly (readonly [string, WasiFunction])[] = [
  ["[method]input-stream.read", read],
  ["[method]input-stream.blocking-read", read],
  ["[method]input-stream.skip", skip],
  ["[method]input-stream.blocking-skip", skip],
  ["[method]input-stream.subscribe", ([self]) => input(self) && new AlwaysReady()],
  ["[method]output-stream.check-write", ([self]) => output(self).operation(() => output(self).checkWrite())],
  ["[method]output-stream.write", write],
  ["[method]output-stream.blocking-write-and-flush", writeAndFlush],
  ["[method]output-stream.flush", flush],
  ["[method]output-stream.blocking-flush", flush],
  ["[method]output-stream.subscribe", ([self]) => output(self) && new AlwaysReady()],
  ["[method]output-stream.write-zeroes", writeZeroes],
  ["[method]output-stream.blocking-write-zeroes-and-flush", writeZeroesAndFlush],
  ["[method]output-stream.splice", splice],
  ["[method]output-stream.blocking-splice", splice],
];

function put(stream: OutputStream, bytes: Uint8Array, size: number): null | Promise<null> {
  return size === 0 ? null : after(stream.write(bytes), () => null);
}

const flushed = (stream: OutputStream): null | Promise<null> => after(stream.flush(), () => null);

function unasked(length: bigint): number {
  if (length > BigInt(UNASKED))
    throw new GuestTrap(`wasi:io/streams: ${length} bytes to write and flush at once, where ${UNASKED} are the limit`);
  return Number(length);
}

/** `next` on a value that is there, or when it is. */
function after<A, B>(value: A | Promise<A>, next: (value: A) => B | Promise<B>): B | Promise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}
