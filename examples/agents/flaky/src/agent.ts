/** Fails on its first attempts, to show retries. What it counts it keeps in the node's `state`. */
import { fail, failed, Invocation, json, log, ok, Outcome, state } from "runloop";

export function agent(call: Invocation): Outcome {
  const tries = state.get("tries");
  if (!tries.ok) return failed(tries.error, "reading the state");
  const kept = tries.value;
  const before = kept == null ? 0 : I32.parseInt(kept);
  const now = before + 1;
  const stored = state.set("tries", now.toString());
  if (!stored.ok) return failed(stored.error, "writing the state");

  const failing = call.options.getInt("fail_attempts", 2);
  log.info("try " + now.toString() + " of attempt " + call.attempt.toString());
  if (before < failing) {
    return fail("flaky.not-yet", "try " + now.toString() + " fails, as asked; " + (failing - before - 1).toString() + " more will", true);
  }
  return ok().send("out", "json.v1", json().set("tries", now).set("text", call.options.getString("text", "it worked")));
}
