/** The nodes and inputs of a file as far as they can be read, for an editor that is open on it: nothing is wrong here. */
import { IDENTIFIER } from "#core/ids.js";
import { readTree } from "../language/compile.js";
import { Reporter } from "../language/reporter.js";
import { decodeSource } from "../language/source.js";
import { mapEntry } from "../language/value.js";
import type { Tree } from "../language/tree.js";
import type { OutlinedNode, Surroundings } from "./agents-schema.js";

export function outlineOf(file: string, bytes: Uint8Array): NonNullable<Surroundings["outline"]> {
  const { source, faults } = decodeSource(file, bytes);
  if (faults.some(({ severity }) => severity === "error")) return { nodes: [], inputs: [] };
  const tree = readTree(new Reporter(source));
  const nodes = tree && mapEntry(tree, "nodes")?.value;
  const inputs = tree && mapEntry(tree, "inputs")?.value;
  return {
    nodes: nodes?.kind === "list" ? nodes.items.flatMap(outlined) : [],
    inputs: inputs?.kind === "map" ? inputs.entries.map(({ key }) => key).filter((key) => IDENTIFIER.test(key)) : [],
  };
}

function outlined(node: Tree): readonly OutlinedNode[] {
  const text = (key: string): string => {
    const value = mapEntry(node, key)?.value;
    return value?.kind === "scalar" && typeof value.value === "string" ? value.value : "";
  };
  const id = text("id");
  const agent = /^agent:([a-z][a-z0-9_]{0,63})(?:@|$)/.exec(text("use"))?.[1] ?? null;
  return IDENTIFIER.test(id) ? [{ id, agent }] : [];
}
