/** Tools of the host that the bundle's `tools.json` names. Needs `tools` with their ids. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { stringAt } from "./abi/lift";
import { address } from "./abi/lower";
import { parse } from "./json/reader";
import { Json } from "./json/value";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/tools@0.1.0", "list")
declare function hostList(into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/tools@0.1.0", "call")
declare function hostCall(name: usize, nameLength: usize, args: usize, argsLength: usize, into: usize): void;

export namespace tools {
  /** An array of `{name, description, input_schema}`, as `model.chat` takes it: what the grant holds and this host has. */
  export function list(): Result<Json> {
    hostList(AREA);
    return succeeded() ? parse(stringAt(VALUE)) : Result.failed<Json>(error());
  }

  /** Calls a tool with an object of arguments; gives what it says. */
  export function call(name: string, args: Json): Result<Json> {
    const text = args.toString();
    hostCall(address(name), name.length, address(text), text.length, AREA);
    return succeeded() ? parse(stringAt(VALUE)) : Result.failed<Json>(error());
  }
}
