/**
 * All interfaces that a component may import, by key: `kb` for `runloop:agent/kb@0.1.0`, `wasi:io/streams` for that interface in any
 * 0.2 version. WASI adds to its interfaces from one minor version to the next and changes nothing, so one table serves them all;
 * what a component really imports is compared with it structurally.
 */
import type { WitFunction, WitInterface } from "./type.js";
import { cli, commandRun, RUN } from "./wasi/cli.js";
import { clocks } from "./wasi/clocks.js";
import { filesystem } from "./wasi/filesystem.js";
import { http } from "./wasi/http.js";
import { io } from "./wasi/io.js";
import { random } from "./wasi/random.js";
import { MODULE_LOADER, snapshot } from "./snapshot.js";
import { interfaces, run, shortName } from "./wit.js";

export type World = "agent" | "command";

export const wasi: Readonly<Record<string, WitInterface>> = { ...io, ...clocks, ...random, ...cli, ...filesystem, ...http };

const VERSIONED = /^(wasi:[a-z-]+\/[a-z-]+)@0\.2\.(?:0|[1-9][0-9]{0,2})$/;

/** The key of a WASI interface of ours; undefined for another interface, another version and a pre-release. */
export function wasiKey(versioned: string): string | undefined {
  const key = VERSIONED.exec(versioned)?.[1];
  return key !== undefined && (key === RUN || Object.hasOwn(wasi, key)) ? key : undefined;
}

export const interfaceKey = (versioned: string): string | undefined =>
  versioned === MODULE_LOADER ? versioned : (shortName(versioned) ?? wasiKey(versioned));

/** By key; undefined where there is none. */
export function interfaceOf(key: string): WitInterface | undefined {
  for (const table of [interfaces, wasi, snapshot]) if (Object.hasOwn(table, key)) return table[key];
  return undefined;
}

export function functionOf(key: string, name: string): WitFunction | undefined {
  const functions = interfaceOf(key)?.functions;
  return functions && Object.hasOwn(functions, name) ? functions[name] : undefined;
}

/** What a component of the world is entered by. */
export const entry: Readonly<Record<World, WitFunction>> = { agent: run, command: commandRun };
