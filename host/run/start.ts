/** Begins a run. */
import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { blake3 } from "#core/digest.js";
import type { MetaOf } from "#core/events.js";
import { newOpeningId, newTraceId } from "#core/ids.js";
import { UsageError } from "#core/errors.js";
import type { Opening } from "#openings/ir.js";
import { granted } from "../fs/directories.js";
import type { Host } from "../host.js";
import type { Compiled, RunOptions, RunResult } from "./contract.js";
import { onceEach } from "./agents.js";
import { beginOf, type Begin } from "./begin.js";
import { loadCast, named } from "./cast.js";
import { drive } from "./session.js";

/** `crypto.randomInt` draws from at most 2^48. */
const MAX_DRAWN_SEED = 2 ** 48 - 1;

export interface StartOptions extends RunOptions {
  /** The run takes over what that one had come to before the node. */
  readonly forkedFrom?: NonNullable<MetaOf<"run.started">["forked_from"]>;
}

/** Runs a compiled opening until it has finished or is parked. Throws when there are errors among its diagnostics. */
export async function startRun(host: Host, compiled: Compiled, options: StartOptions): Promise<RunResult> {
  const { opening, source } = compiled;
  if (!opening) throw new UsageError("USAGE", `${compiled.file} has errors and cannot run`, { place: { file: compiled.file } });
  const cast = await loadCast(
    opening,
    onceEach((name) => host.agent(name)),
  );
  const everybody = [...named(opening, cast)];
  // Told before anything runs; each attempt looks again.
  for (const grant of new Set(everybody.map(([, agent]) => agent.grant)))
    for (const { path, writable } of granted(grant)) await host.directories.check(path, writable);
  const agent_dirs = host.agentDirs(new Set(everybody.map(([name]) => name)));
  const ledger = await host.ledger();
  const watermark = ledger.watermark();
  const isolation = (await host.isolation()).name;
  const seed = options.seed ?? randomInt(MAX_DRAWN_SEED);
  const epochMs = options.epochMs ?? Date.now();
  const inputs = suppliedInputs(opening);
  return drive(
    host,
    {
      traceId: newTraceId(),
      openingId: newOpeningId(),
      opening,
      cast,
      watermark,
      epochMs,
      source: source?.bytes,
      run: {
        begin: {
          ...beginOf({ opening, cast, seed, epochMs, watermark, isolation }),
          ...(inputs.length > 0 && { inputs }),
          agent_dirs,
          ...(source && { source: { file: resolve(compiled.file), digest: blake3(source.bytes), params: { ...source.params } } }),
          ...(options.forkedFrom && { forked_from: options.forkedFrom }),
        },
      },
      nextSeq: 0,
    },
    options,
  );
}

/** Inputs that came with the parameters. They stand in the opening, too: a long one is no blob of its own. */
function suppliedInputs({ inputs = {} }: Opening): NonNullable<Begin["inputs"]> {
  return Object.entries(inputs).flatMap(([port, { type, value }]) =>
    value === undefined ? [] : [{ port, type, labels: [], body: { value } }],
  );
}
