/**
 * `outgoing-handler`: a request becomes one call of `http.fetch`, with the same grant, gate, decisions and journal as that of a program
 * that asks by name. It is made within the call of the program that completes it (`handle`, or `finish` of its body), and the program
 * stands still meanwhile: so what it finds ready does not depend on how fast a server is.
 */
import type { Json } from "#core/json.js";
import { RESPONSE_BODY_BYTES } from "../../../../http/bounds.js";
import { isSafe } from "../../../../http/method.js";
import { resourceOf } from "../values.js";
import type { Native } from "../contract.js";
import { code, codeOf, HttpFailure, type ErrorCode } from "./code.js";
import { Fields } from "./fields.js";
import { lengthError, OutgoingBody } from "./outgoing-body.js";
import { declaredLength, OutgoingRequest, parcelOf, type Parcel } from "./request.js";
import { FutureResponse, IncomingResponse } from "./response.js";
import type { Room } from "./room.js";

/** Asks `http.fetch`: `{ok}`, or `{err}` with a typed error. Rejects only when the attempt ends. */
export type Fetch = (request: Json) => Promise<Json>;

type Answer =
  | { readonly ok: { readonly status: number; readonly headers: readonly (readonly [string, string])[]; readonly body: string } }
  | { readonly err: { readonly tag: string; readonly val: Json } };

const NO_BODY = new Uint8Array(0);
/** What an answer's text costs when it comes, whether or not the guest reads it: as much as what crosses the border. */
const CHARACTERS_PER_FUEL = 4;

export class Handler {
  private readonly fetch: Fetch;
  private readonly room: Room;
  private readonly pay: (fuel: number) => void;
  constructor(fetch: Fetch, room: Room, pay: (fuel: number) => void) {
    this.fetch = fetch;
    this.room = room;
    this.pay = pay;
  }

  /** `handle`: what can be seen to be no request is its error; all that comes later is the future's. */
  async handle(given: Native | undefined, options: Native | undefined): Promise<Native> {
    const made = resourceOf(OutgoingRequest, given);
    made.handOver();
    const { body } = made;
    try {
      const parcel = parcelOf(made, options);
      const against = body === null ? lengthError(0, declaredLength(made.entries)) : null;
      if (against) return { err: against };
      const future = new FutureResponse();
      if (body === null) await this.send(parcel, NO_BODY, future);
      else
        await body.whenEnded(async (end) => {
          if (!(end instanceof Uint8Array)) future.settle({ err: end });
          const why = end instanceof Uint8Array ? await this.send(parcel, end, future) : end;
          body.release();
          return why;
        });
      return { ok: future };
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      body?.release();
      return { err: error.code };
    }
  }

  /** `outgoing-body.finish`. */
  async finish(given: Native | undefined, trailers: Native | undefined): Promise<Native> {
    const body = resourceOf(OutgoingBody, given);
    const refused = trailers && resourceOf(Fields, trailers).entries.length > 0;
    const why = await body.finish(refused ? code("HTTP-request-trailer-section-size", 0) : null);
    return why === null ? { ok: null } : { err: why };
  }

  /** Gives why nothing was sent. What came of it is the future's, whatever it is. */
  private async send(parcel: Parcel, body: Uint8Array, future: FutureResponse): Promise<ErrorCode | null> {
    if (future.dropped) return code("connection-terminated");
    const failed = (err: ErrorCode): ErrorCode => (future.settle({ err }), err);
    if (body.length > 0 && isSafe(parcel.method)) return failed(code("HTTP-request-body-size", BigInt(body.length)));
    const { free } = this.room;
    if (free === 0) return failed(code("connection-limit-reached"));
    const answer = (await this.fetch({
      ...parcel,
      body: Buffer.from(body).toString("base64"),
      max_bytes: free >= RESPONSE_BODY_BYTES ? 0 : free,
    })) as Answer;
    if ("err" in answer) {
      future.settle({ err: codeOf(answer.err) });
      return null;
    }
    const { status, headers, body: received } = answer.ok;
    this.pay(Math.ceil(received.length / CHARACTERS_PER_FUEL));
    const entries = headers.map(([name, value]) => [name, new Uint8Array(Buffer.from(value, "latin1"))] as const);
    future.settle({ ok: new IncomingResponse(status, entries, new Uint8Array(Buffer.from(received, "base64")), this.room) });
    return null;
  }
}
