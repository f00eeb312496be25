/** `--params` and `--param`, for every command that compiles an opening. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { JsonObject } from "#core/json.js";
import type { Context } from "../context.js";
import { readParams } from "./params.js";

export interface ParamFlags {
  readonly params?: string;
  readonly param?: readonly string[];
}

export function paramOptions(command: Command): Command {
  return command
    .option("--params <json|@file>", "parameters as one JSON object, or a file that holds one (@- reads standard input)")
    .option(
      "--param <key=value>",
      "one parameter; may be given again; dots for nested keys",
      (word: string, before: string[] = []) => [...before, word],
    );
}

export function paramsOf(flags: ParamFlags, context: Context): JsonObject {
  return readParams(flags.params, flags.param ?? [], (name) =>
    name === "-" ? readFileSync(0, "utf8") : readFileSync(resolve(context.world.cwd, name), "utf8"),
  );
}
