/** A response as it comes: promised, met, its body read. Its bytes lie here until nobody can ask for them any more. */
import { Resource, type Native, type WasiFunction } from "../contract.js";
import { StreamClosed } from "../error.js";
import { NEVER, Pollable, AlwaysReady } from "../poll.js";
import { InputStream } from "../streams.js";
import { resourceOf } from "../values.js";
import type { ErrorCode } from "./code.js";
import { Fields, type Entries } from "./fields.js";
import type { Room } from "./room.js";

/** Shared by whatever may still read them. */
class Content {
  bytes: Uint8Array;
  private readonly room: Room;
  private holders = 0;

  constructor(bytes: Uint8Array, room: Room) {
    this.bytes = bytes;
    this.room = room;
    room.take(bytes.length);
  }

  hold(): this {
    this.holders++;
    return this;
  }

  letGo(): void {
    if (--this.holders > 0) return;
    this.room.give(this.bytes.length);
    this.bytes = new Uint8Array(0);
  }
}

export class FutureResponse extends Resource {
  readonly resource = "future-incoming-response";
  private arrived: { readonly ok: IncomingResponse } | { readonly err: ErrorCode } | null = null;
  private taken = false;
  /** The program does not want it any more; what has not been sent is not sent then. */
  dropped = false;

  get ready(): boolean {
    return this.arrived !== null;
  }

  settle(arrived: { readonly ok: IncomingResponse } | { readonly err: ErrorCode }): void {
    this.arrived = arrived;
  }

  get(): Native {
    if (this.arrived === null) return null;
    if (this.taken) return { err: null };
    this.taken = true;
    return { ok: this.arrived };
  }

  override drop(): void {
    this.dropped = true;
    if (!this.taken && this.arrived && "ok" in this.arrived) this.arrived.ok.drop();
  }
}

class Arrival extends Pollable {
  private readonly future: FutureResponse;
  constructor(future: FutureResponse) {
    super();
    this.future = future;
  }
  get due(): bigint {
    return this.future.ready ? 0n : NEVER;
  }
}

export class IncomingResponse extends Resource {
  readonly resource = "incoming-response";
  readonly status: number;
  readonly entries: Entries;
  private readonly content: Content;
  private consumed = false;

  constructor(status: number, entries: Entries, body: Uint8Array, room: Room) {
    super();
    this.status = status;
    this.entries = entries;
    this.content = new Content(body, room).hold();
  }

  consume(): Native {
    if (this.consumed) return { err: null };
    this.consumed = true;
    return { ok: new IncomingBody(this.content) };
  }

  override drop(): void {
    if (!this.consumed) this.content.letGo();
  }
}

/** Takes over the response's hold on the content. */
class IncomingBody extends Resource {
  readonly resource = "incoming-body";
  private readonly content: Content;
  private streamed = false;

  constructor(content: Content) {
    super();
    this.content = content;
  }

  stream(): Native {
    if (this.streamed) return { err: null };
    this.streamed = true;
    return { ok: new BodyInput(this.content) };
  }

  override drop(): void {
    this.content.letGo();
  }
}

class BodyInput extends InputStream {
  private readonly content: Content;
  private at = 0;

  constructor(content: Content) {
    super();
    this.content = content.hold();
  }

  read(length: number): Uint8Array {
    const { bytes } = this.content;
    if (this.at >= bytes.length) throw new StreamClosed();
    const read = bytes.slice(this.at, this.at + length);
    this.at += read.length;
    return read;
  }

  override drop(): void {
    this.content.letGo();
  }
}

/** The gate carries none, so they are known at once. */
class FutureTrailers extends Resource {
  readonly resource = "future-trailers";
  private taken = false;
  get(): Native {
    if (this.taken) return { err: null };
    this.taken = true;
    return { ok: { ok: null } };
  }
}

const future = (value: Native | undefined): FutureResponse => resourceOf(FutureResponse, value);
const response = (value: Native | undefined): IncomingResponse => resourceOf(IncomingResponse, value);
const body = (value: Native | undefined): IncomingBody => resourceOf(IncomingBody, value);
const trailers = (value: Native | undefined): FutureTrailers => resourceOf(FutureTrailers, value);

export const responseFunctions: readonly (readonly [string, WasiFunction])[] = [
  ["[method]future-incoming-response.subscribe", ([self]) => new Arrival(future(self))],
  ["[method]future-incoming-response.get", ([self]) => future(self).get()],
  ["[method]incoming-response.status", ([self]) => response(self).status],
  ["[method]incoming-response.headers", ([self]) => new Fields(response(self).entries, true)],
  ["[method]incoming-response.consume", ([self]) => response(self).consume()],
  ["[method]incoming-body.stream", ([self]) => body(self).stream()],
  [
    "[static]incoming-body.finish",
    ([self]) => {
      body(self).drop();
      return new FutureTrailers();
    },
  ],
  ["[method]future-trailers.subscribe", ([self]) => trailers(self) && new AlwaysReady()],
  ["[method]future-trailers.get", ([self]) => trailers(self).get()],
];
