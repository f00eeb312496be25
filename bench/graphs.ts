/** Openings of a hundred nodes, written as a person would write them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Opening } from "#openings/ir.js";
import type { Host } from "#host/host.js";
import type { Compiled } from "#host/run/contract.js";

export const shapes = ["chain", "fan"] as const;
export type Shape = (typeof shapes)[number];

interface Sketch {
  readonly agent: string;
  readonly nodes: number;
  /** YAML in flow style. */
  readonly given?: string;
}

/** A chain has `nodes` in a row; a fan has one that feeds `nodes` others. */
export function openingText(shape: Shape, { agent, nodes, given = "{}" }: Sketch): string {
  const count = shape === "chain" ? nodes : nodes + 1;
  const edges = Array.from({ length: count - 1 }, (_, i) => `n${shape === "chain" ? i : 0}.out -> n${i + 1}.in`);
  return [
    "version: 0",
    `name: ${shape}`,
    "nodes:",
    ...Array.from({ length: count }, (_, i) => `  - {id: n${i}, use: "agent:${agent}", with: ${given}}`),
    "edges:",
    ...edges.map((edge) => `  - {from: ${edge.replace(" -> ", ", to: ")}}`),
    "",
  ].join("\n");
}

export async function compiled(host: Host, scratch: string, shape: Shape, sketch: Sketch): Promise<Runnable> {
  const file = join(scratch, `${shape}-${sketch.agent}.yaml`);
  writeFileSync(file, openingText(shape, sketch));
  const result = await host.compile(file, {});
  if (!result.opening) throw new Error(`${file}: ${result.diagnostics.map(({ message }) => message).join("; ")}`);
  return { ...result, opening: result.opening };
}
export type Runnable = Compiled & { readonly opening: Opening };
