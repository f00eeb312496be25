/** A bundle's `tools.json`: the host's tools that an agent knows how to use. `[{id, description?, input_schema?}, …]`. */
import * as z from "zod";
import { isJsonObject, parseJson, type JsonObject } from "#core/json.js";
import type { DeclaredTool } from "#openings/agent.js";
import { schemaFault } from "#openings/types/schema.js";
import { toolId } from "./configured.js";

/** A file that says nothing that can be used. The message names the place in it. */
export class ToolsProblem extends Error {}

const MOST = 64;
const limits = { bytes: 1 << 20, depth: 40, elements: 20_000 };
const declared = z
  .array(
    z.strictObject({
      id: toolId,
      description: z.string().max(8192).default(""),
      input_schema: z.custom<JsonObject>(isJsonObject, "must be a JSON Schema").optional(),
    }),
  )
  .max(MOST, `has more than ${MOST} tools`);

/** Throws {@link ToolsProblem}. */
export function readDeclaredTools(bytes: Uint8Array): readonly DeclaredTool[] {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), limits);
  } catch (error) {
    throw new ToolsProblem(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const read = declared.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new ToolsProblem(`/${issue?.path.map(String).join("/") ?? ""}: ${issue?.message ?? "does not fit"}`);
  }
  const seen = new Set<string>();
  return read.data.map(({ id, description, input_schema }, index) => {
    if (seen.has(id)) throw new ToolsProblem(`/${index}/id: two tools are called \`${id}\``);
    seen.add(id);
    const fault = input_schema && schemaFault(input_schema);
    if (fault) throw new ToolsProblem(`/${index}/input_schema${fault.pointer}: ${fault.message}`);
    return { id, description, inputSchema: input_schema ?? null };
  });
}
