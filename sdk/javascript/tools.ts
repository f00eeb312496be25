/** Host tools that the bundle's `tools.json` names. Needs `tools`. */
import host from "runloop:agent/tools@0.1.0";
import { hostCall } from "./errors.js";
import { text, toJson } from "./json.js";

export const tools = {
  async list(): Promise<unknown> {
    return JSON.parse(hostCall("tools.list", () => host.list()));
  },
  async call(name: string, args: object = {}): Promise<unknown> {
    const written = toJson(args, "arguments");
    return JSON.parse(hostCall("tools.call", () => host.call(text(name), written)));
  },
};
