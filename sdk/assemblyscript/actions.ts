/** External actions: the agent proposes, the host decides and performs. Needs `actions` with the kind. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { stringAt } from "./abi/lift";
import { address } from "./abi/lower";
import { parse } from "./json/reader";
import { Json } from "./json/value";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/actions@0.1.0", "propose")
declare function hostPropose(kind: usize, kindLength: usize, args: usize, argsLength: usize, into: usize): void;

/** What became of a proposal. */
export class Decision {
  constructor(
    /** Approved and performed; if not, a person or a rule turned it down. */
    readonly done: bool,
    /** What was done, as the host tells it; null where it was turned down. */
    readonly detail: Json,
    /** Why it was turned down; empty where it was done. */
    readonly reason: string,
  ) {}
}

export namespace actions {
  /** `kind` is e.g. `email.send`. Returns when it is decided and done, which can take days; nothing of the agent stays in memory. */
  export function propose(kind: string, args: Json): Result<Decision> {
    const text = args.toString();
    hostPropose(address(kind), kind.length, address(text), text.length, AREA);
    if (!succeeded()) return Result.failed<Decision>(error());
    const rejected = load<u8>(VALUE) != 0;
    const said = stringAt(VALUE + 4);
    if (rejected) return Result.of<Decision>(new Decision(false, Json.nothing, said));
    const detail = parse(said);
    // The action is done, whatever can be made of the host's words about it.
    return Result.of<Decision>(new Decision(true, detail.ok ? detail.value : Json.text(said), ""));
  }
}
