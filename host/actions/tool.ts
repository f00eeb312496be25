/** `tool.<id>`: a call of a host's tool that changes something. An agent asks for it with `tools.call`. */
import { CallFailure } from "../imports/interface.js";
import type { HostTool } from "../toolbox/tool.js";
import { OutcomeUnknown, type ActionKind } from "./action.js";

export function toolAction(tool: HostTool): ActionKind {
  return {
    kind: `tool.${tool.id}`,
    // Whether a command can be repeated nobody here knows.
    afterCrash: "ask",
    parse: (args) => tool.parse(args),
    show: (args) => tool.show(args),
    destination: () => tool.destination(),
    async perform(args, { idempotencyKey, signal }) {
      try {
        return { result: await tool.run(args, { signal, idempotencyKey }), events: [], detail: tool.id };
      } catch (error) {
        // It was begun and did not end by itself: what it has done by then is its own secret.
        const cut = error instanceof CallFailure && ["timeout", "cancelled"].includes(error.error.code);
        throw cut ? new OutcomeUnknown(error) : error;
      }
    },
  };
}
