/** Tools of the host that agents may be given: whoever runs rlp offers them, and an agent gets those that its grant names. */
import type { Json, JsonObject } from "#core/json.js";

export interface ToolRun {
  readonly signal: AbortSignal;
  /** The same for every try of the same call; null where the tool only looks. */
  readonly idempotencyKey: string | null;
}

export interface HostTool {
  readonly id: string;
  readonly description: string;
  /** `read`: it only looks, and is called at once. `write`: an external action, which needs a decision. */
  readonly effects: "read" | "write";
  /** JSON Schema of its arguments. */
  readonly inputSchema: JsonObject;
  /** Checks the arguments and fills in what is left out. Throws `CallFailure` (`invalid`). */
  parse(args: Json): Json;
  /** The whole of what will be done with arguments that `parse` has given, for a person to decide on. */
  show(args: Json): string;
  /** Everything but the arguments that decides what is done: part of what an approval is bound to. */
  destination(): Json;
  /** Throws `CallFailure`. Whatever it says is from outside. */
  run(args: Json, options: ToolRun): Promise<Json>;
}

export type HostTools = ReadonlyMap<string, HostTool>;
