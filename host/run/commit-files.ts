/**
 * What a successful attempt has written becomes part of the granted directories: the last call of its journal, made by the host in
 * the guest's name. So it is decided, repeated after a crash and compared in a replay as every other call.
 */
import { hostFailure, type Failure } from "#core/values.js";
import type { Json } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import type { CallAnswer, GuestCall, GuestChange } from "../component/contract.js";
import type { AttemptCalls } from "./calls.js";

const COMMIT = { interface: "fs", function: "commit" } as const;

export const isCommit = (call: Pick<GuestCall, "interface" | "function">): boolean =>
  call.interface === COMMIT.interface && call.function === COMMIT.function;

/** null: it was done. `stopped`: it was cut off, and the attempt with it. */
export async function commitFiles(
  calls: AttemptCalls,
  changes: readonly GuestChange[],
  fuel: number,
): Promise<Failure | "stopped" | null> {
  const stored = (await calls.settled()).flatMap(({ interface: name, function: func, answer }) =>
    name === "fs" && func === "store" && "ok" in answer ? [answer.ok] : [],
  );
  const args = [changes as unknown as Json, [...new Set(stored)].sort() as Json];
  let answer: CallAnswer;
  try {
    answer = await calls.answer({ seq: calls.asked, ...COMMIT, args, fuel });
  } catch {
    return "stopped"; // the reason has gone to whoever runs the attempt
  }
  if ("ok" in answer) {
    const { ok } = answer;
    return isJsonObject(ok) && ok["tag"] === "rejected"
      ? hostFailure("host.rejected", `the changes to files were rejected: ${String(ok["val"])}`)
      : null;
  }
  const { code, message } = answer.err;
  if (code === "denied") return hostFailure("host.denied", message);
  return hostFailure(code === "unavailable" ? "host.conflict" : "host.commit", message);
}
