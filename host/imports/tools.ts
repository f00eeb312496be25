/** `runloop:agent/tools`: tools of this host that the bundle's `tools.json` names and the grant holds. */
import * as z from "zod";
import { isJsonObject, type Json, type JsonObject } from "#core/json.js";
import type { DeclaredTool } from "#openings/agent.js";
import { misfits } from "#openings/types/schema.js";
import { toolAction } from "../actions/tool.js";
import { mayUseTool } from "../capability/authorize.js";
import type { HostTool, HostTools } from "../toolbox/tool.js";
import { carryOut, type ActionDesk } from "./actions.js";
import { CallFailure, refuse, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { read, readText } from "./kb.js";

const MAX_ARGUMENTS = 262_144;
const callArgs = z.tuple([z.string().max(128), z.string().max(MAX_ARGUMENTS)]);
const anObject = z.custom<JsonObject>(isJsonObject, "not an object");

export function toolFunctions(tools: HostTools, desk: ActionDesk): HostFunctions {
  return new Map([
    [
      "tools.list",
      async ({ agent, grant }: CallContext, _args: readonly Json[]): Promise<CallResult> => {
        const list = (agent.tools ?? []).flatMap((declared): Json[] => {
          const tool = tools.get(declared.id);
          return tool && mayUseTool(grant, declared.id) === null ? [described(declared, tool)] : [];
        });
        return { answer: { ok: JSON.stringify(list) }, labels: [] };
      },
    ],
    [
      "tools.call",
      async (context, args) => {
        const [name, text] = read(callArgs, args);
        refuse(mayUseTool(context.grant, name));
        const declared = context.agent.tools?.find(({ id }) => id === name);
        if (!declared) throw new CallFailure("invalid", `the bundle's tools.json names no tool \`${name}\``);
        const tool = tools.get(name);
        if (!tool)
          throw new CallFailure(
            "unavailable",
            `this host offers no tool \`${name}\`; \`tools.commands\` of its configuration could`,
          );
        const given = readText(anObject, text);
        const [misfit] = misfits(declared.inputSchema ?? {}, given);
        if (misfit) throw new CallFailure("invalid", `arguments${misfit.pointer}: ${misfit.message}`);
        const checked = tool.parse(given);
        const labels = [`untrusted:${name}`];
        if (tool.effects === "read") {
          const said = await tool.run(checked, { signal: context.signal, idempotencyKey: null });
          return { answer: { ok: JSON.stringify(said) }, labels };
        }
        const asked = { interface: "tools", function: "call", kind: toolAction(tool), args: checked };
        const done = await carryOut(desk, context, asked);
        if ("rejected" in done) throw new CallFailure("denied", done.rejected);
        return { answer: { ok: JSON.stringify(done.result) }, labels, events: done.events };
      },
    ],
  ]);
}

/** As `model.chat` takes it. What the author has written goes before what the operator has. */
function described({ id, description, inputSchema }: DeclaredTool, tool: HostTool): Json {
  return { name: id, description: description || tool.description, input_schema: inputSchema ?? tool.inputSchema };
}
