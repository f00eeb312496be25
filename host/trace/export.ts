/** A run of this home's ledger on its way out. */
import { innerTraceId, type TraceId } from "#core/ids.js";
import { KbError } from "#kb/errors.js";
import type { Ledger } from "#kb/ledger/ledger.js";
import { ownKey, signingKey } from "../trust/keys.js";
import type { Host } from "../host.js";
import { recordedAgent } from "../run/at-hand.js";
import { foldersOf, openHistory } from "../run/history.js";
import { bundleIn } from "./bundle.js";
import { TraceError } from "./error.js";
import type { Seal } from "./line.js";
import { writeTrace, type OutgoingAgent } from "./write.js";

export interface ExportOptions {
  /** The bundles of its agents, too: the file then replays where they are not. */
  readonly withComponents?: boolean;
  /** Signs with the home's own key, made on first use, or with the one of that name. */
  readonly sign?: boolean | string;
}

/** Writes the run, and those that it began, to a file that replays anywhere. Throws `TRACE_AGENT` for an agent that is not here any more. */
export async function exportTrace(host: Host, traceId: TraceId, file: string, options: ExportOptions = {}): Promise<Seal> {
  const ledger = await host.ledger();
  const { sign = false, withComponents = false } = options;
  const { keysDir } = host.home;
  const traces = familyOf(ledger, traceId);
  return writeTrace(file, {
    runs: new Map(traces.map((id) => [id, ledger.runRows(id)])),
    blob(digest) {
      const found = ledger.blob(digest);
      if (found) return found;
      throw new KbError("KB_CORRUPT", `the ledger does not hold the blob ${digest}`, {
        place: { file: ledger.file },
        hint: "`rlp kb verify` names everything that is damaged",
      });
    },
    agents: withComponents ? await bundlesOf(host, ledger, traces) : [],
    key: sign === false ? undefined : sign === true ? ownKey(keysDir) : signingKey(keysDir, sign),
  });
}

/** The run and the runs inside of it, each behind the one that it is part of. */
function familyOf(ledger: Ledger, traceId: TraceId): readonly TraceId[] {
  const { events } = openHistory(ledger, traceId); // throws where there is no such run
  const inner = events.flatMap((event) => {
    if (event.kind !== "node.started") return [];
    const id = innerTraceId(traceId, event.meta.node, event.meta.attempt);
    return ledger.hasRun(id) ? familyOf(ledger, id) : [];
  });
  return [traceId, ...inner];
}

async function bundlesOf(host: Host, ledger: Ledger, traces: readonly TraceId[]): Promise<readonly OutgoingAgent[]> {
  const agents = new Map<string, OutgoingAgent>();
  const folders = foldersOf(openHistory(ledger, traces[0] as TraceId)); // the outermost run knows the folders of all
  for (const traceId of traces) {
    const { meta: started } = openHistory(ledger, traceId).started;
    for (const [name, digest] of Object.entries(started.components)) {
      if (agents.has(name)) continue;
      const recorded = { started, purpose: "replay", folders } as const;
      const { dir, face } = await recordedAgent(host, name, recorded);
      if (face.digest !== digest || dir === undefined)
        throw new TraceError("TRACE_AGENT", `the agent \`${name}\` is not here any more as it ran: ${digest} is wanted`, {
          place: { at: traceId },
          hint: "put that version back, or leave --with-components out: then the file replays where the agent is",
        });
      agents.set(name, await bundleIn(dir, name));
    }
  }
  return [...agents.values()];
}
