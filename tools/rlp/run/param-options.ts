/** `--params` and `--param`, for every command that compiles an opening. */
import { closeSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { jsonLimits, type JsonObject } from "#core/json.js";
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
    name === "-" ? readSome(0) : readFrom(resolve(context.world.cwd, name)),
  );
}

function readFrom(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    return readSome(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads to the end, or a little further than parameters may be long: a device has no end. */
function readSome(descriptor: number): string {
  const bytes = Buffer.alloc(jsonLimits.bytes + 4);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read)
    read = readSync(descriptor, bytes, length, bytes.length - length, null);
  return bytes.toString("utf8", 0, length);
}
