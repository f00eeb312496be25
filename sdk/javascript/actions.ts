/** External actions: the agent proposes, the host decides and performs. Needs `actions` with the kind. */
import host from "runloop:agent/actions@0.1.0";
import { hostCall } from "./errors.js";
import { text, toJson } from "./json.js";

export const actions = {
  async propose(kind: string, args: object): Promise<{ done: true; detail: unknown } | { done: false; reason: string }> {
    const written = toJson(args, "arguments");
    const { tag, val } = hostCall("actions.propose", () => host.propose(text(kind), written));
    if (tag === "rejected") return { done: false, reason: val };
    try {
      return { done: true, detail: JSON.parse(val) as unknown };
    } catch {
      // The action is done, whatever can be made of the host's words about it.
      return { done: true, detail: val };
    }
  },
};
