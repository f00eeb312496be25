/**
 * Whether a component speaks our contract: every import is an interface of ours in a version that we have with exactly these types,
 * and it exports what one of the worlds exports and nothing else. Equality is structural: what crosses the border is read by our
 * tables, so a component that means other types by the same names must not come this far.
 */
import { entry, interfaceKey, interfaceOf, type World } from "../interfaces.js";
import { init, INIT } from "../snapshot.js";
import { RUN } from "../wasi/cli.js";
import { PACKAGE, VERSION, worldTypes } from "../wit.js";
import type { Component } from "./component.js";
import type { LiftedFunction } from "./items.js";
import { instanceItem } from "./match.js";
import { shown } from "./names.js";
import { Refusal } from "./refusal.js";
import { sameFunction, sameType } from "./same.js";
import type { InstanceType } from "./types.js";

export interface Conforming {
  /** Names of the interfaces that it takes functions from, as it imports them, sorted. */
  readonly imports: readonly string[];
  /** The one thing that it is entered by. */
  readonly exports: readonly string[];
  readonly world: World;
  readonly run: LiftedFunction;
}

/** Throws a `Refusal` for the first thing that does not fit. */
export function conform(component: Component): Conforming {
  const imports: string[] = [];
  for (const [name, type] of component.importedInstances) {
    conformInterface(name, type);
    if (type.functions.size > 0) imports.push(name);
  }
  for (const [name, type] of component.importedTypes)
    if (type.sort !== "value" || !Object.hasOwn(worldTypes, name) || !sameType(type.type, worldTypes[name] ?? null))
      throw new Refusal("ADMIT_IMPORT", `the imported type ${shown(name)} is not one of the world \`agent\``, REBUILD);
  return { imports: imports.sort(), ...exported(component) };
}

const REBUILD = `rebuild it against the WIT of ${PACKAGE}@${VERSION} and WASI 0.2 that this version of rlp carries (sdk/wit)`;

function conformInterface(name: string, type: InstanceType): void {
  const key = interfaceKey(name);
  const ours = key === undefined || key === RUN ? undefined : interfaceOf(key);
  if (key === undefined || !ours) throw unknown(name);
  for (const [typeName, value] of type.types)
    if (!Object.hasOwn(ours.types, typeName) || !sameType(value, ours.types[typeName] ?? null))
      throw mismatch(name, `the type ${shown(typeName)}`);
  for (const [resource, value] of type.resources) {
    const expected = ours.resources?.includes(resource)
      ? `${key}/${resource}`
      : ours.uses && Object.hasOwn(ours.uses, resource)
        ? ours.uses[resource]
        : undefined;
    if (value.id !== expected) throw mismatch(name, `the resource ${shown(resource)}`);
  }
  for (const [func, value] of type.functions) {
    const expected = Object.hasOwn(ours.functions, func) ? ours.functions[func] : undefined;
    if (!expected || !sameFunction(value, expected)) throw mismatch(name, `the function ${shown(func)}`);
  }
}

function unknown(name: string): Refusal {
  if (name.startsWith("wasi:"))
    return new Refusal(
      "ADMIT_WASI_IMPORT",
      `it imports ${name}, which this version of rlp does not give to agents`,
      "WASI 0.2 without sockets is there; beside it the runloop:agent interfaces. Build without what pulls this in",
    );
  if (name.startsWith(`${PACKAGE}/`))
    return new Refusal("ADMIT_IMPORT", `it imports ${name}, which ${PACKAGE}@${VERSION} does not have`, REBUILD);
  return new Refusal("ADMIT_IMPORT", `it imports ${shown(name)}, which is not an interface of ${PACKAGE}@${VERSION}`, REBUILD);
}

const mismatch = (name: string, what: string): Refusal =>
  new Refusal("ADMIT_IMPORT", `it imports ${name} with ${what} in a form that the interface does not have`, REBUILD);

function exported(component: Component): Pick<Conforming, "exports" | "world" | "run"> {
  let found: { exports: readonly string[]; world: World; run: LiftedFunction } | null = null;
  for (const [name, item] of component.exports) {
    if (name === INIT && component.snapshot && item.sort === "func" && sameFunction(item.func.type, init)) continue;
    const world: World | null =
      name === "run" && item.sort === "func"
        ? "agent"
        : interfaceKey(name) === RUN && item.sort === "instance"
          ? "command"
          : null;
    if (world === null || found) throw new Refusal("ADMIT_EXPORT", `it exports ${shown(name)}${found ? " too" : ""}`, EXPORTS);
    const run = item.sort === "instance" ? instanceItem(item.instance, "run") : item;
    if (run?.sort !== "func" || run.func.kind !== "lift" || !sameFunction(run.func.type, entry[world]))
      throw new Refusal(
        "ADMIT_EXPORT",
        `its export ${shown(name)} has another type than the world \`${world}\` of ${PACKAGE}@${VERSION}`,
        REBUILD,
      );
    found = { exports: [name], world, run: run.func };
  }
  if (!found)
    throw new Refusal(
      "ADMIT_EXPORT",
      "it exports neither `run`, as an agent does, nor `wasi:cli/run`, as a command does",
      REBUILD,
    );
  return found;
}

const EXPORTS = "the world `agent` exports nothing but `run`, the world `command` nothing but `wasi:cli/run`";
