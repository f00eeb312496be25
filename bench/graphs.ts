/** Graphs that are measured, as edges, and as openings that a person would write so. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Opening } from "#openings/ir.js";
import type { Host } from "#host/host.js";
import type { Compiled } from "#host/run/contract.js";

export const shapes = ["chain", "fan"] as const;
export type Shape = (typeof shapes)[number] | "dag";

interface Sketch {
  readonly agent: string;
  readonly nodes: number;
  /** YAML in flow style. */
  readonly given?: string;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
}

/** A chain has `nodes` in a row; a fan has one that feeds `nodes` others; in a random DAG each but the first of `nodes` comes after one to three others. */
export function edgesOf(shape: Shape, nodes: number): readonly Edge[] {
  if (shape === "chain") return Array.from({ length: nodes - 1 }, (_, i) => ({ from: i, to: i + 1 }));
  if (shape === "fan") return Array.from({ length: nodes }, (_, i) => ({ from: 0, to: i + 1 }));
  const random = draws(7);
  return Array.from({ length: nodes - 1 }, (_, i) => {
    const to = i + 1;
    const before = new Set(Array.from({ length: 1 + (random() % 3) }, () => random() % to));
    return [...before].map((from) => ({ from, to }));
  }).flat();
}

export const nodeCount = (shape: Shape, nodes: number): number => (shape === "fan" ? nodes + 1 : nodes);

/** The same numbers in each run (Knuth's MMIX multiplier, the upper half of its states). */
export function draws(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 32n);
  };
}

export function openingText(shape: Shape, { agent, nodes, given = "{}" }: Sketch): string {
  return [
    "version: 0",
    `name: ${shape}`,
    "nodes:",
    ...Array.from({ length: nodeCount(shape, nodes) }, (_, i) => `  - {id: n${i}, use: "agent:${agent}", with: ${given}}`),
    "edges:",
    ...edgesOf(shape, nodes).map(({ from, to }) => `  - {from: n${from}.out, to: n${to}.in}`),
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
