/**
 * Whether a component speaks our contract: every import is an interface of ours in exactly this version with exactly these types,
 * and it exports `run` and nothing else. Equality is structural: what crosses the border is read by our table, so a component that
 * means other types by the same names must not come this far.
 */
import { interfaces, PACKAGE, run, shortName, VERSION, versionedName, worldTypes } from "../wit.js";
import type { Component } from "./component.js";
import { shown } from "./names.js";
import { Refusal } from "./refusal.js";
import { sameFunction, sameType } from "./same.js";

/** Throws a `Refusal` for the first thing that does not fit; gives the names of the interfaces that hold functions, sorted. */
export function conform(component: Component): string[] {
  const imports: string[] = [];
  for (const [name, type] of component.importedInstances) {
    const short = known(name);
    const ours = interfaces[short]!;
    for (const [typeName, value] of type.types)
      if (!Object.hasOwn(ours.types, typeName) || !sameType(value, ours.types[typeName] ?? null))
        throw mismatch(name, `the type ${shown(typeName)}`);
    for (const resource of type.resources)
      if (!ours.resources.includes(resource)) throw mismatch(name, `the resource ${shown(resource)}`);
    for (const [func, value] of type.functions) {
      const expected = Object.hasOwn(ours.functions, func) ? ours.functions[func] : undefined;
      if (!expected || !sameFunction(value, expected)) throw mismatch(name, `the function ${shown(func)}`);
    }
    if (type.functions.size > 0) imports.push(versionedName(short));
  }
  for (const [name, entry] of component.importedTypes)
    if (entry.sort !== "value" || !Object.hasOwn(worldTypes, name) || !sameType(entry.type, worldTypes[name] ?? null))
      throw new Refusal("ADMIT_IMPORT", `the imported type ${shown(name)} is not one of the world \`agent\``, REBUILD);
  checkExports(component);
  return imports.sort();
}

const REBUILD = `rebuild it against the WIT of ${PACKAGE}@${VERSION} that this version of rlp carries (sdk/wit)`;

function known(name: string): string {
  const short = shortName(name);
  if (short !== undefined) return short;
  if (name.startsWith("wasi:"))
    throw new Refusal(
      "ADMIT_WASI_IMPORT",
      `it imports ${name}, and this version of rlp gives agents no WASI interface`,
      "use the runloop:agent interfaces (`log`, `clock`, `random`, `state`, …), or build without what pulls WASI in",
    );
  if (name.startsWith(`${PACKAGE}/`))
    throw new Refusal("ADMIT_IMPORT", `it imports ${name}, which ${PACKAGE}@${VERSION} does not have`, REBUILD);
  throw new Refusal("ADMIT_IMPORT", `it imports ${shown(name)}, which is not an interface of ${PACKAGE}@${VERSION}`, REBUILD);
}

const mismatch = (name: string, what: string): Refusal =>
  new Refusal("ADMIT_IMPORT", `it imports ${name} with ${what} in a form that ${PACKAGE}@${VERSION} does not have`, REBUILD);

function checkExports(component: Component): void {
  for (const name of component.exports.keys())
    if (name !== "run")
      throw new Refusal("ADMIT_EXPORT", `it exports ${shown(name)}`, "the world `agent` exports nothing but `run`");
  const func = component.exports.get("run");
  if (!func) throw new Refusal("ADMIT_EXPORT", "it does not export `run`", REBUILD);
  if (func.kind !== "lift" || !sameFunction(func.type, run))
    throw new Refusal(
      "ADMIT_EXPORT",
      `its export \`run\` has another type than the world \`agent\` of ${PACKAGE}@${VERSION}`,
      REBUILD,
    );
}
