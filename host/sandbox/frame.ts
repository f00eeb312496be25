/**
 * Framing on the pipe between the control process and its children: `u32be length | u8 kind | payload`, `length` counting what
 * follows it. No object of the runtime's own ever crosses: Node's ipc lets a child end its parent with an internal message.
 *
 * The reader checks a frame's length before a byte of it is kept, holds at most one frame and one message, and throws
 * `FrameViolation` for anything out of order. What to do then is the caller's: the control process kills the child.
 * This file imports nothing: both sides read it.
 */
export const FrameKind = {
  /** A JSON message, or the last part of one. */
  message: 0,
  /** Raw bytes: `u32be transfer | bytes`. The transfer was announced by a message. */
  chunk: 1,
  /** A part of a JSON message that is larger than one frame; the rest follows at once. */
  part: 2,
} as const;

export const FRAME_BYTES = 1 << 20;
/** A frame up to here that comes in pieces is gathered in memory that is used again. */
const SPARE_BYTES = 128 << 10;

export class FrameViolation extends Error {
  override readonly name = "FrameViolation";
}

export interface FrameLimits {
  /** Largest message, all its parts together. */
  readonly messageBytes: number;
  /** Whether raw bytes may come at all. */
  readonly chunks: boolean;
  /** Sustained rates; a second's worth may come at once. */
  readonly bytesPerSecond: number;
  readonly framesPerSecond: number;
  /** Milliseconds from anywhere, never going back. */
  readonly now: () => number;
}

export interface FrameSink {
  message(text: string): void;
  chunk(transfer: number, bytes: Uint8Array): void;
}

/** An allowance that refills with time; a violation once it is overdrawn. */
class Allowance {
  private left: number;
  private at: number;
  private readonly perSecond: number;
  private readonly what: string;
  private readonly now: () => number;
  constructor(perSecond: number, what: string, now: () => number) {
    this.left = perSecond;
    this.perSecond = perSecond;
    this.what = what;
    this.now = now;
    this.at = now();
  }
  take(amount: number): void {
    if (this.perSecond === Infinity) return;
    const now = this.now();
    this.left = Math.min(this.perSecond, this.left + ((now - this.at) / 1000) * this.perSecond) - amount;
    this.at = now;
    if (this.left < 0) throw new FrameViolation(`more than ${this.perSecond} ${this.what} a second`);
  }
}

export class FrameReader {
  private readonly limits: FrameLimits;
  private readonly sink: FrameSink;
  private readonly bytes: Allowance;
  private readonly frames: Allowance;
  private readonly header = Buffer.alloc(4);
  private headerFilled = 0;
  private body: Buffer | null = null;
  /** Where frames are gathered that come in pieces. */
  private spare: Buffer | null = null;
  private filled = 0;
  private parts: Buffer[] = [];
  private partBytes = 0;

  constructor(limits: FrameLimits, sink: FrameSink) {
    this.limits = limits;
    this.sink = sink;
    this.bytes = new Allowance(limits.bytesPerSecond, "bytes", limits.now);
    this.frames = new Allowance(limits.framesPerSecond, "frames", limits.now);
  }

  push(input: Buffer): void {
    this.bytes.take(input.length);
    let at = 0;
    while (at < input.length) {
      if (this.body === null) {
        const taken = Math.min(4 - this.headerFilled, input.length - at);
        input.copy(this.header, this.headerFilled, at, at + taken);
        this.headerFilled += taken;
        at += taken;
        if (this.headerFilled < 4) return;
        this.headerFilled = 0;
        const length = this.header.readUInt32BE(0);
        if (length < 1 || length > FRAME_BYTES) throw new FrameViolation(`a frame of ${length} bytes`);
        this.frames.take(1);
        if (input.length - at >= length) {
          this.frame(input.subarray(at, at + length));
          at += length;
          continue;
        }
        this.body =
          length <= SPARE_BYTES
            ? (this.spare ??= Buffer.allocUnsafeSlow(SPARE_BYTES)).subarray(0, length)
            : Buffer.allocUnsafe(length);
        this.filled = 0;
      }
      const taken = Math.min(this.body.length - this.filled, input.length - at);
      input.copy(this.body, this.filled, at, at + taken);
      this.filled += taken;
      at += taken;
      if (this.filled < this.body.length) return;
      const { body } = this;
      this.body = null;
      this.frame(body);
    }
  }

  /** `frame` may be a view of a buffer that is used again: what is kept is copied. */
  private frame(frame: Buffer): void {
    const kind = frame[0];
    const payload = frame.subarray(1);
    if (kind === FrameKind.chunk) {
      if (!this.limits.chunks) throw new FrameViolation("raw bytes where none were asked for");
      if (this.partBytes > 0) throw new FrameViolation("raw bytes in the middle of a message");
      if (payload.length < 4) throw new FrameViolation("raw bytes without a transfer");
      this.sink.chunk(payload.readUInt32BE(0), payload.subarray(4));
    } else if (kind === FrameKind.part || kind === FrameKind.message) {
      if (payload.length === 0) throw new FrameViolation("an empty message");
      this.partBytes += payload.length;
      if (this.partBytes > this.limits.messageBytes)
        throw new FrameViolation(`a message of more than ${this.limits.messageBytes} bytes`);
      if (kind === FrameKind.part) {
        this.parts.push(Buffer.from(payload));
        return;
      }
      const whole = this.parts.length === 0 ? payload : Buffer.concat([...this.parts, payload]);
      this.parts = [];
      this.partBytes = 0;
      this.sink.message(text(whole));
    } else throw new FrameViolation(`a frame of kind ${kind}`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FrameViolation("a message that is not UTF-8");
  }
}

/** A JSON message as one frame, or as several where it is too large for one. */
export function messageFrames(json: string): Buffer[] {
  const length = Buffer.byteLength(json, "utf8");
  const room = FRAME_BYTES - 1;
  if (length <= room) {
    const whole = Buffer.allocUnsafe(5 + length);
    head(whole, FrameKind.message, length);
    whole.write(json, 5, "utf8");
    return [whole];
  }
  const bytes = Buffer.from(json, "utf8");
  const frames: Buffer[] = [];
  for (let at = 0; at < length; at += room) {
    const part = bytes.subarray(at, at + room);
    frames.push(head(Buffer.allocUnsafe(5), at + room < length ? FrameKind.part : FrameKind.message, part.length), part);
  }
  return frames;
}

/** Raw bytes under a transfer that a message has announced: heads and parts of `bytes` itself. */
export function* chunkFrames(transfer: number, bytes: Uint8Array): Generator<Uint8Array> {
  const room = FRAME_BYTES - 5;
  for (let at = 0; at < bytes.length; at += room) {
    const part = bytes.subarray(at, at + room);
    const begin = head(Buffer.allocUnsafe(9), FrameKind.chunk, 4 + part.length);
    begin.writeUInt32BE(transfer, 5);
    yield begin;
    yield part;
  }
}

/** Length and kind at the front of `buffer`; `length` is the payload's. */
function head(buffer: Buffer, kind: number, length: number): Buffer {
  buffer.writeUInt32BE(1 + length, 0);
  buffer[4] = kind;
  return buffer;
}

/** The writing end of a pipe, as much of it as is used. */
export interface FrameSource {
  write(bytes: Uint8Array): unknown;
  cork(): void;
  uncork(): void;
}

/**
 * Writes frames. What is written in one turn of the event loop leaves in one system call: waking the other process costs more than
 * what it is woken for.
 */
export class FrameWriter {
  private readonly stream: FrameSource;
  private readonly left: () => void;
  private corked = false;

  /** `left` is called when what was written has gone to the system. */
  constructor(stream: FrameSource, left: () => void = () => {}) {
    this.stream = stream;
    this.left = left;
  }

  message(json: string): void {
    this.cork();
    for (const part of messageFrames(json)) this.stream.write(part);
  }

  /** `bytes` must not change any more. */
  bytes(transfer: number, bytes: Uint8Array): void {
    this.cork();
    for (const part of chunkFrames(transfer, bytes)) this.stream.write(part);
  }

  /** Sends what was written so far: for what the other process has long to do with, while this one goes on. */
  flush(): void {
    if (!this.corked) return;
    this.corked = false;
    this.stream.uncork();
  }

  private cork(): void {
    if (this.corked) return;
    this.corked = true;
    this.stream.cork();
    process.nextTick(() => {
      this.corked = false;
      this.stream.uncork();
      this.left();
    });
  }
}
