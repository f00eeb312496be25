/** `wasi:http`, 0.2: what a program needs to make requests. */
import {
  bool,
  borrow,
  func,
  list,
  option,
  own,
  record,
  result,
  string,
  tuple,
  u16,
  u32,
  u64,
  u8,
  variant,
  type WitFunction,
  type WitInterface,
  type WitType,
} from "../type.js";
import { duration } from "./clocks.js";
import { ERROR, INPUT_STREAM, OUTPUT_STREAM, POLLABLE } from "./io.js";

const home = (name: string): string => `wasi:http/types/${name}`;
const FIELDS = home("fields");

const method = variant({
  get: null,
  head: null,
  post: null,
  put: null,
  delete: null,
  connect: null,
  options: null,
  trace: null,
  patch: null,
  other: string,
});
const scheme = variant({ HTTP: null, HTTPS: null, other: string });
const dnsError = record({ rcode: option(string), "info-code": option(u16) });
const tlsAlert = record({ "alert-id": option(u8), "alert-message": option(string) });
const fieldSize = record({ "field-name": option(string), "field-size": option(u32) });
const errorCode = variant({
  "DNS-timeout": null,
  "DNS-error": dnsError,
  "destination-not-found": null,
  "destination-unavailable": null,
  "destination-IP-prohibited": null,
  "destination-IP-unroutable": null,
  "connection-refused": null,
  "connection-terminated": null,
  "connection-timeout": null,
  "connection-read-timeout": null,
  "connection-write-timeout": null,
  "connection-limit-reached": null,
  "TLS-protocol-error": null,
  "TLS-certificate-error": null,
  "TLS-alert-received": tlsAlert,
  "HTTP-request-denied": null,
  "HTTP-request-length-required": null,
  "HTTP-request-body-size": option(u64),
  "HTTP-request-method-invalid": null,
  "HTTP-request-URI-invalid": null,
  "HTTP-request-URI-too-long": null,
  "HTTP-request-header-section-size": option(u32),
  "HTTP-request-header-size": option(fieldSize),
  "HTTP-request-trailer-section-size": option(u32),
  "HTTP-request-trailer-size": fieldSize,
  "HTTP-response-incomplete": null,
  "HTTP-response-header-section-size": option(u32),
  "HTTP-response-header-size": fieldSize,
  "HTTP-response-body-size": option(u64),
  "HTTP-response-trailer-section-size": option(u32),
  "HTTP-response-trailer-size": fieldSize,
  "HTTP-response-transfer-coding": option(string),
  "HTTP-response-content-coding": option(string),
  "HTTP-response-timeout": null,
  "HTTP-upgrade-failed": null,
  "HTTP-protocol-error": null,
  "loop-detected": null,
  "configuration-error": null,
  "internal-error": option(string),
});
const headerError = variant({ "invalid-syntax": null, forbidden: null, immutable: null });
const fieldName = string;
const fieldValue = list(u8);
const entries = list(tuple(fieldName, fieldValue));
/** Without a word about what went wrong. */
const tried = (ok: WitType | null): WitType => result(ok, null);

const on = (resource: string) => {
  const self = borrow(home(resource));
  return (params: Record<string, WitType>, value: WitType | null): WitFunction => func({ self, ...params }, value);
};
const fields = on("fields");
const incomingRequest = on("incoming-request");
const outgoingRequest = on("outgoing-request");
const requestOptions = on("request-options");
const incomingResponse = on("incoming-response");
const incomingBody = on("incoming-body");
const futureTrailers = on("future-trailers");
const outgoingResponse = on("outgoing-response");
const outgoingBody = on("outgoing-body");
const futureResponse = on("future-incoming-response");
const limit = option(duration);
const text = option(string);

export const http: Readonly<Record<string, WitInterface>> = {
  "wasi:http/types": {
    types: {
      duration,
      method,
      scheme,
      "DNS-error-payload": dnsError,
      "TLS-alert-received-payload": tlsAlert,
      "field-size-payload": fieldSize,
      "error-code": errorCode,
      "header-error": headerError,
      "field-key": fieldName,
      // The same under the name that came with a later minor version.
      "field-name": fieldName,
      "field-value": fieldValue,
      "status-code": u16,
    },
    resources: [
      "fields",
      "incoming-request",
      "outgoing-request",
      "request-options",
      "response-outparam",
      "incoming-response",
      "incoming-body",
      "future-trailers",
      "outgoing-response",
      "outgoing-body",
      "future-incoming-response",
    ],
    uses: {
      headers: FIELDS,
      trailers: FIELDS,
      "input-stream": INPUT_STREAM,
      "output-stream": OUTPUT_STREAM,
      pollable: POLLABLE,
      "io-error": ERROR,
    },
    functions: {
      "http-error-code": func({ err: borrow(ERROR) }, option(errorCode)),
      "[constructor]fields": func({}, own(FIELDS)),
      "[static]fields.from-list": func({ entries }, result(own(FIELDS), headerError)),
      "[method]fields.get": fields({ name: fieldName }, list(fieldValue)),
      "[method]fields.has": fields({ name: fieldName }, bool),
      "[method]fields.set": fields({ name: fieldName, value: list(fieldValue) }, result(null, headerError)),
      "[method]fields.delete": fields({ name: fieldName }, result(null, headerError)),
      "[method]fields.append": fields({ name: fieldName, value: fieldValue }, result(null, headerError)),
      "[method]fields.entries": fields({}, entries),
      "[method]fields.clone": fields({}, own(FIELDS)),
      "[method]incoming-request.method": incomingRequest({}, method),
      "[method]incoming-request.path-with-query": incomingRequest({}, text),
      "[method]incoming-request.scheme": incomingRequest({}, option(scheme)),
      "[method]incoming-request.authority": incomingRequest({}, text),
      "[method]incoming-request.headers": incomingRequest({}, own(FIELDS)),
      "[method]incoming-request.consume": incomingRequest({}, tried(own(home("incoming-body")))),
      "[constructor]outgoing-request": func({ headers: own(FIELDS) }, own(home("outgoing-request"))),
      "[method]outgoing-request.body": outgoingRequest({}, tried(own(home("outgoing-body")))),
      "[method]outgoing-request.method": outgoingRequest({}, method),
      "[method]outgoing-request.set-method": outgoingRequest({ method }, tried(null)),
      "[method]outgoing-request.path-with-query": outgoingRequest({}, text),
      "[method]outgoing-request.set-path-with-query": outgoingRequest({ "path-with-query": text }, tried(null)),
      "[method]outgoing-request.scheme": outgoingRequest({}, option(scheme)),
      "[method]outgoing-request.set-scheme": outgoingRequest({ scheme: option(scheme) }, tried(null)),
      "[method]outgoing-request.authority": outgoingRequest({}, text),
      "[method]outgoing-request.set-authority": outgoingRequest({ authority: text }, tried(null)),
      "[method]outgoing-request.headers": outgoingRequest({}, own(FIELDS)),
      "[constructor]request-options": func({}, own(home("request-options"))),
      "[method]request-options.connect-timeout": requestOptions({}, limit),
      "[method]request-options.set-connect-timeout": requestOptions({ duration: limit }, tried(null)),
      "[method]request-options.first-byte-timeout": requestOptions({}, limit),
      "[method]request-options.set-first-byte-timeout": requestOptions({ duration: limit }, tried(null)),
      "[method]request-options.between-bytes-timeout": requestOptions({}, limit),
      "[method]request-options.set-between-bytes-timeout": requestOptions({ duration: limit }, tried(null)),
      "[static]response-outparam.set": func(
        { param: own(home("response-outparam")), response: result(own(home("outgoing-response")), errorCode) },
        null,
      ),
      "[method]incoming-response.status": incomingResponse({}, u16),
      "[method]incoming-response.headers": incomingResponse({}, own(FIELDS)),
      "[method]incoming-response.consume": incomingResponse({}, tried(own(home("incoming-body")))),
      "[method]incoming-body.stream": incomingBody({}, tried(own(INPUT_STREAM))),
      "[static]incoming-body.finish": func({ this: own(home("incoming-body")) }, own(home("future-trailers"))),
      "[method]future-trailers.subscribe": futureTrailers({}, own(POLLABLE)),
      "[method]future-trailers.get": futureTrailers({}, option(tried(result(option(own(FIELDS)), errorCode)))),
      "[constructor]outgoing-response": func({ headers: own(FIELDS) }, own(home("outgoing-response"))),
      "[method]outgoing-response.status-code": outgoingResponse({}, u16),
      "[method]outgoing-response.set-status-code": outgoingResponse({ "status-code": u16 }, tried(null)),
      "[method]outgoing-response.headers": outgoingResponse({}, own(FIELDS)),
      "[method]outgoing-response.body": outgoingResponse({}, tried(own(home("outgoing-body")))),
      "[method]outgoing-body.write": outgoingBody({}, tried(own(OUTPUT_STREAM))),
      "[static]outgoing-body.finish": func(
        { this: own(home("outgoing-body")), trailers: option(own(FIELDS)) },
        result(null, errorCode),
      ),
      "[method]future-incoming-response.subscribe": futureResponse({}, own(POLLABLE)),
      "[method]future-incoming-response.get": futureResponse(
        {},
        option(tried(result(own(home("incoming-response")), errorCode))),
      ),
    },
  },
  "wasi:http/outgoing-handler": {
    types: { "error-code": errorCode },
    uses: {
      "outgoing-request": home("outgoing-request"),
      "request-options": home("request-options"),
      "future-incoming-response": home("future-incoming-response"),
    },
    functions: {
      handle: func(
        { request: own(home("outgoing-request")), options: option(own(home("request-options"))) },
        result(own(home("future-incoming-response")), errorCode),
      ),
    },
  },
};
