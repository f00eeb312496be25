/**
 * Many agents in one run and one sandbox process: some compute, some ask a model twice and wait for the second answer. Real opening, engine,
 * executor, ledger and process; the model is a function, so that it can be made to answer when everybody waits. The process can be
 * killed at that moment.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newOpeningId, newTraceId, type NodeId } from "#core/ids.js";
import type { Json } from "#core/json.js";
import type { RunEvent } from "#core/events.js";
import { sharedTypes } from "#host/catalog/types.js";
import type { HostFunction } from "#host/imports/interface.js";
import { AgentExecutor, type LoadedAgent } from "#host/run/executor.js";
import { LedgerJournal } from "#host/run/journal.js";
import { runLedger } from "#host/run/run-ledger.js";
import { realClock } from "#host/run/session.js";
import { startSandbox } from "#host/sandbox/process.js";
import { openLedger } from "#kb/ledger/ledger.js";
import { buildGraph } from "#openings/engine/graph.js";
import { driveRun } from "#openings/engine/drive.js";
import { openingDocument } from "#openings/document.js";
import { outputsHash } from "#openings/journal/hash.js";
import { component, writeBundle } from "./guests.js";
import { benchHost } from "./home.js";

export interface Crowd {
  readonly computing: number;
  readonly waiting: number;
  /** Rounds of 4 KiB that each computing agent hashes, at least. */
  readonly rounds: number;
}

export interface CrowdRun {
  /** Of the run's end. */
  readonly finalHash: string;
  /** Digest of every attempt's journal (inputs, calls, answers, fuel, outputs), by node. */
  readonly journals: ReadonlyMap<string, string>;
  /** Nodes that did not end well, and waiting ones that ended with anything but their own two answers. */
  readonly wrong: readonly string[];
  /** Attempts that were under way when the process was killed. */
  readonly killed: number;
  /** Sandbox processes that held guests, one after the other. */
  readonly processes: number;
}

export interface CrowdHouse {
  run(options: { readonly kill: boolean }): Promise<CrowdRun>;
  close(): Promise<void>;
}

/** What the agent `waits` of this name gives when all went right. */
export const saysAtEnd = (name: string): string => `${reply(`${name} 1`)}, ${reply(`${name} 2`)}`;

const SEED = 7;
const EPOCH_MS = 1_700_000_000_000;
/** What the model says to a prompt. */
export const reply = (prompt: Json | undefined): string => `to ${String(prompt)}`;

/** Everything goes under `scratch`. */
export async function openCrowd(scratch: string, crowd: Crowd): Promise<CrowdHouse> {
  const agents = join(scratch, "agents");
  for (const name of ["computes", "waits"] as const) writeBundle(agents, name, await component(name));
  const host = benchHost(scratch, [agents]);
  mkdirSync(scratch, { recursive: true });
  const file = join(scratch, "crowd.yaml");
  writeFileSync(file, openingText(crowd));
  const { opening, diagnostics } = await host.compile(file, {});
  if (!opening) throw new Error(diagnostics.map(({ message }) => message).join("; "));
  const loaded = new Map<string, LoadedAgent>();
  for (const name of ["computes", "waits"]) loaded.set(name, await host.agent(name));
  const of = (agent: string): LoadedAgent => loaded.get(agent)!;

  let runs = 0;
  const run: CrowdHouse["run"] = async ({ kill }) => {
    const ledger = await openLedger({ root: join(scratch, `ledger-${runs++}`) });
    const sandbox = startSandbox();
    try {
      const ref = { traceId: newTraceId(), openingId: newOpeningId() };
      const all = Promise.withResolvers<void>();
      let killed = 0;
      let underWay = 0;
      const pids = new Set<number>();
      const asked = new Set<NodeId>();
      const complete: HostFunction = async ({ node, seq }, [prompt]) => {
        pids.add(sandbox.pid!);
        if (seq === 1) {
          asked.add(node);
          if (asked.size === crowd.waiting) {
            if (kill) {
              killed = underWay;
              process.kill(sandbox.pid!, "SIGKILL");
            }
            all.resolve();
          }
          await all.promise;
        }
        const text = reply(prompt);
        return { answer: { ok: { text, model: "bench", input_tokens: 0, output_tokens: 0 } }, labels: ["model"] };
      };
      const ended: RunEvent[] = [];
      const journal = new LedgerJournal(runLedger(ledger), ref, {
        onEvent: (event) => {
          if (event.kind === "node.finished") ended.push(event);
        },
      });
      journal.keepDocument(openingDocument(opening));
      const outcome = await driveRun({
        graph: buildGraph(opening, (node) => of(node.agent).face.inputs),
        run: {
          begin: {
            opening_name: opening.name,
            opening: openingDocument(opening).digest,
            params: {},
            seed: SEED,
            epoch_ms: EPOCH_MS,
            kb_watermark: 0,
            components: {},
            grants: {},
            budgets: { tokens: null },
            host: { rlp: "bench", node: process.version, isolation: "bench", fuel_table: 1 },
          },
        },
        journal,
        clock: realClock,
        executor: ({ journal: stream }) => {
          const executor = new AgentExecutor({
            traceId: ref.traceId,
            agentOf: (node) => of(opening.nodes.find(({ id }) => id === node)!.agent),
            types: sharedTypes(),
            sandbox,
            journal: stream,
            clock: realClock,
            functions: new Map([["model.complete", complete]]),
          });
          return {
            execute: async (spec, signal) => {
              underWay++;
              try {
                return await executor.execute(spec, signal);
              } finally {
                underWay--;
              }
            },
          };
        },
        maxParallel: crowd.computing + crowd.waiting,
      });
      // Attempts that are executed again are answered from what is known: nothing asks the model a second time.
      pids.add(sandbox.pid!);
      const journals = new Map<string, string>();
      const wrong: string[] = [];
      for (const event of ended)
        if (event.kind === "node.finished") {
          const { node, status, attempt, outputs_hash, journal_hash } = event.meta;
          journals.set(node, journal_hash);
          const own = outputsHash([{ port: "out", type: "text.v1", body: saysAtEnd(node) }]);
          if (status !== "ok" || attempt !== 1 || (node.startsWith("w") && outputs_hash !== own)) wrong.push(node);
        }
      for (const { id } of opening.nodes) if (!journals.has(id)) wrong.push(id);
      return { finalHash: outcome.finalHash ?? "", journals, wrong, killed, processes: pids.size };
    } finally {
      await sandbox.close();
      await ledger.close();
    }
  };
  return { run, close: () => host.close() };
}

/** Computing agents differ in how long they take, waiting ones in what they ask; the two kinds stand in turns. */
function openingText({ computing, waiting, rounds }: Crowd): string {
  const computes = Array.from(
    { length: computing },
    (_, i) => `  - {id: c${i}, use: "agent:computes", with: {rounds: ${rounds + (i % 17)}}}`,
  );
  const waits = Array.from({ length: waiting }, (_, i) => `  - {id: w${i}, use: "agent:waits", with: {name: w${i}}}`);
  const share = computing === 0 ? Infinity : waiting / computing;
  const nodes = computes.flatMap((line, i) => [...waits.slice(Math.round(i * share), Math.round((i + 1) * share)), line]);
  return ["version: 0", "name: crowd", "nodes:", ...(computing === 0 ? waits : nodes), ""].join("\n");
}
