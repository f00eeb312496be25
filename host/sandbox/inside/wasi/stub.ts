/**
 * WASI interfaces that the manifest calls optional and the grant does not hold. WASI has no way to say `denied`; so the first call is
 * asked of the control process, which writes the denial down, and the attempt ends with it.
 */
import { interfaceOf } from "../../../component/interfaces.js";
import type { Json } from "#core/json.js";
import { AttemptFailed } from "../ends.js";
import type { HostCall } from "../bind.js";
import type { Native, WasiFunction } from "./contract.js";

export function stubFunctions(key: string, ask: (call: HostCall) => Promise<Json>): readonly (readonly [string, WasiFunction])[] {
  return Object.keys(interfaceOf(key)?.functions ?? {}).map((name) => [
    name,
    async (args) => {
      const answer = (await ask({ interface: key, function: name, args: args.map(plain) })) as { readonly err?: Json };
      const { val = null } = (answer.err ?? {}) as { readonly val?: Json };
      const why = typeof val === "string" ? val : "it is not granted";
      throw new AttemptFailed({ code: "host.denied", message: `\`${key}\` was called: ${why}`, retryable: false });
    },
  ]);
}

/** What such a call was given, in the record of it: numbers, of which the large ones are text. */
const plain = (value: Native): Json =>
  typeof value === "bigint" ? (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString()) : null;
