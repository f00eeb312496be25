/** The agent's log. Lines become events of the run. Needs no grant. */
import host from "runloop:agent/log@0.1.0";
import { hostCall } from "./errors.js";
import { text, toJson } from "./json.js";

type Level = "trace" | "debug" | "info" | "warn" | "error";

export function write(level: Level, message: unknown, fields?: object): void {
  const written = fields === undefined ? "" : toJson(fields, "fields");
  hostCall(`log.${level}`, () => host.write(level, text(message), written));
}

const leveled =
  (level: Level) =>
  (message: unknown, fields?: object): void =>
    write(level, message, fields);

export const log = {
  trace: leveled("trace"),
  debug: leveled("debug"),
  info: leveled("info"),
  warn: leveled("warn"),
  error: leveled("error"),
};
