/** `wasi:http` for programs that ask: what it takes to make requests. There is nobody to answer requests to. */
import { interfaceOf } from "../../../../component/interfaces.js";
import { GuestTrap } from "../../ends.js";
import type { WasiFunction } from "../contract.js";
import { IoError } from "../error.js";
import { resourceOf } from "../values.js";
import { HttpIoError } from "./code.js";
import { fieldsFunctions } from "./fields.js";
import { Handler, type Fetch } from "./handler.js";
import { OutgoingBody } from "./outgoing-body.js";
import { requestFunctions } from "./request.js";
import { responseFunctions } from "./response.js";
import { Room } from "./room.js";

type Functions = readonly (readonly [string, WasiFunction])[];

/** By interface: `wasi:http/types`, `wasi:http/outgoing-handler`. `pay` takes fuel for work that the border does not see. */
export function httpFunctions(fetch: Fetch, pay: (fuel: number) => void): Readonly<Record<string, Functions>> {
  const room = new Room();
  const handler = new Handler(fetch, room, pay);
  const types: Functions = [
    ...unanswered,
    ...fieldsFunctions,
    ...requestFunctions(room),
    ...responseFunctions,
    [
      "[method]outgoing-body.write",
      ([self]) => {
        const stream = resourceOf(OutgoingBody, self).write();
        return stream ? { ok: stream } : { err: null };
      },
    ],
    ["[static]outgoing-body.finish", ([self, trailers]) => handler.finish(self, trailers)],
    [
      "http-error-code",
      ([error]) => {
        const given = resourceOf(IoError, error);
        return given instanceof HttpIoError ? given.code : null;
      },
    ],
  ];
  return {
    "wasi:http/types": types,
    "wasi:http/outgoing-handler": [["handle", ([request, options]) => handler.handle(request, options)]],
  };
}

/** Runtimes of languages import all of the interface; whoever calls what is for servers is stopped by name. */
const unanswered: Functions = Object.keys(interfaceOf("wasi:http/types")?.functions ?? {})
  .filter((name) => /[\]](?:incoming-request|outgoing-response|response-outparam)(?:\.|$)/.test(name))
  .map((name) => [
    name,
    () => {
      throw new GuestTrap(`\`wasi:http/types#${name}\` was called: agents make requests and answer none`);
    },
  ]);
