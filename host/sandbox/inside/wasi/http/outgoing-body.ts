/** The body of a request: gathered whole, and handed on when the program says that it is finished. */
import { REQUEST_BODY_BYTES } from "../../../../http/bounds.js";
import { GuestTrap } from "../../ends.js";
import { Resource } from "../contract.js";
import { StreamClosed, StreamFailed } from "../error.js";
import { OutputStream } from "../streams.js";
import { code, HttpIoError, internal, type ErrorCode } from "./code.js";
import type { Room } from "./room.js";

const SMALLEST = 4096;

export class OutgoingBody extends Resource {
  readonly resource = "outgoing-body";
  private readonly room: Room;
  private readonly declared: number | null;
  /** What was gathered, with room behind it. */
  private buffer = new Uint8Array(0);
  private size = 0;
  private written = false;
  /** How it ended; an error where it will never be sent. */
  private end: "finished" | ErrorCode | null = null;
  /** Told of the end, once, where a request waits for it. */
  private awaited: ((body: Uint8Array | ErrorCode) => Promise<ErrorCode | null>) | null = null;

  /** `declared`: its length by the request's headers; null where they say nothing. */
  constructor(room: Room, declared: number | null) {
    super();
    this.room = room;
    this.declared = declared;
  }

  /** The one stream; null when it was given already. */
  write(): OutputStream | null {
    if (this.written) return null;
    this.written = true;
    return new BodyOutput(this);
  }

  /** Throws as a stream does. */
  gather(bytes: Uint8Array): void {
    if (this.end !== null) throw new StreamClosed();
    const size = this.size + bytes.length;
    if (size > REQUEST_BODY_BYTES) this.refuse(code("HTTP-request-body-size", BigInt(REQUEST_BODY_BYTES)));
    if (size > this.buffer.length) this.grow(Math.min(REQUEST_BODY_BYTES, Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(size)))));
    this.buffer.set(bytes, this.size);
    this.size = size;
  }

  private grow(length: number): void {
    if (length - this.buffer.length > this.room.free) this.refuse(code("connection-limit-reached"));
    this.room.take(length - this.buffer.length);
    const grown = new Uint8Array(length);
    grown.set(this.buffer.subarray(0, this.size));
    this.buffer = grown;
  }

  private refuse(why: ErrorCode): never {
    this.fail(why);
    throw new StreamFailed(new HttpIoError(why));
  }

  /**
   * Ends it by the program's word, or for a reason against it. Gives why there is nothing to send, and resolves when the request that
   * waited for it has its answer.
   */
  async finish(against: ErrorCode | null): Promise<ErrorCode | null> {
    if (this.end === "finished") throw new GuestTrap("wasi:http: a body is finished twice");
    const why = this.end ?? against ?? lengthError(this.size, this.declared);
    if (why !== null) {
      this.fail(why);
      return why;
    }
    this.end = "finished";
    return (await this.awaited?.(this.bytes())) ?? null;
  }

  /** Calls with the bytes, now or when it is finished, or with why it never will be. `next` gives why they were not sent. Called once. */
  async whenEnded(next: (body: Uint8Array | ErrorCode) => Promise<ErrorCode | null>): Promise<void> {
    if (this.end === null) this.awaited = next;
    else await next(this.end === "finished" ? this.bytes() : this.end);
  }

  /** Nothing of it is needed any more. */
  release(): void {
    this.end ??= internal("the request of this body was let go of");
    this.room.give(this.buffer.length);
    this.buffer = new Uint8Array(0);
    this.size = 0;
  }

  override drop(): void {
    if (this.end === null) this.fail(internal("the body of the request was let go of unfinished, so nothing was sent"));
  }

  private fail(why: ErrorCode): void {
    if (this.end === null) {
      this.end = why;
      void this.awaited?.(why);
    }
    this.release();
  }

  private bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size);
  }
}

export const lengthError = (size: number, declared: number | null): ErrorCode | null =>
  declared === null || declared === size ? null : code("HTTP-request-body-size", BigInt(size));

class BodyOutput extends OutputStream {
  private readonly body: OutgoingBody;
  constructor(body: OutgoingBody) {
    super();
    this.body = body;
  }
  write(bytes: Uint8Array): void {
    this.body.gather(bytes);
  }
}
