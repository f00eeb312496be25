/**
 * Everything that an agent author imports: `import { … } from "runloop"`.
 *
 * A host interface becomes an import of the component only if a function of it is called, so importing a name costs nothing and
 * needs no grant.
 */
export { Invocation, Input, Message } from "./invocation";
export { Outcome, ok, fail, failed } from "./outcome";
export { CallError, Result } from "./result";
export { Json, Kind, json, list } from "./json/value";
export { parse, parseWithin } from "./json/reader";
export { stringify } from "./json/writer";
export { Text } from "./text";
export { fold, words } from "./words";
export { log } from "./log";
export { kb, Hit, SearchOptions } from "./kb";
export { model, Completion, CompletionOptions, CompletionStream } from "./model";
export { http, HttpRequest, HttpResponse } from "./http";
export { tools } from "./tools";
export { actions, Decision } from "./actions";
export { clock } from "./clock";
export { random } from "./random";
export { state } from "./state";
