/** `rlp runs`: the runs there are, newest first. */
import { Option, type Command } from "commander";
import { Exit } from "#core/errors.js";
import type { RunState, RunSummary } from "#kb/views/runs.js";
import type { Act, Context } from "../context.js";
import { usage } from "../failure.js";
import { examples } from "../program.js";
import { duration, moment } from "../terminal/quantity.js";
import { mark, paint } from "../terminal/state.js";
import { show } from "../terminal/table.js";
import { withViews } from "../views.js";
import { wholeNumber } from "../whole-number.js";

/** A run that stands as running and that no process drives: its own was killed, or the machine went down. */
type Shown = RunState | "interrupted";
type ShownRun = Omit<RunSummary, "status"> & { readonly status: Shown };

interface RunsFlags {
  readonly status?: Shown;
  readonly since?: string;
  readonly limit: number;
  readonly imported?: boolean;
  readonly inner?: boolean;
}

export function define(command: Command, act: Act): void {
  command
    .addOption(
      new Option("--status <status>", "only these").choices(["running", "interrupted", "parked", "ok", "error", "cancelled"]),
    )
    .option("--since <time>", "only runs from then on: 90m, 12h, 7d, or a date (2026-11-20, 2026-11-20T13:37)")
    .option("--imported", "those from elsewhere instead, which `rlp trace import` took in")
    .option("--inner", "those inside of other runs too (an opening that another one uses)")
    .option("--limit <n>", "at most so many", wholeNumber("--limit", 100_000, 1), 50)
    .addHelpText(
      "after",
      examples(
        ["rlp runs --status parked", "those that wait for a decision"],
        ["rlp runs --status interrupted", "those whose process was killed"],
        ["rlp runs --since 2d", "the last two days"],
      ),
    )
    .action(act(runs));
}

/** They stand in no view: each is a file. */
async function imported(context: Context) {
  const { importedFile, importedTraces } = await import("#host/trace/imported.js");
  const home = context.locateHome();
  const found = (await importedTraces(home)).map((traceId) => ({ trace_id: traceId, file: importedFile(home, traceId) }));
  show(
    context.out,
    found,
    [
      { title: "run", of: ({ trace_id }) => trace_id.slice("trace:".length, "trace:".length + ENOUGH) },
      { title: "file", of: ({ file }) => file, flexible: true },
    ],
    "no runs from elsewhere",
    (each) => each,
  );
  return Exit.ok;
}

async function runs(context: Context, _args: readonly string[], flags: RunsFlags) {
  const { out, world } = context;
  if (flags.imported) return imported(context);
  const since = flags.since === undefined ? undefined : readSince(flags.since, world.now());
  const status = flags.status === "interrupted" ? "running" : flags.status;
  const found = await withViews(context, (kb) => {
    const shown = ({ status: stands, ...run }: RunSummary): ShownRun => ({
      ...run,
      status: stands === "running" && !kb.ledger.driven(run.traceId) ? "interrupted" : stands,
    });
    // Which of those that stand as running are, the views do not know: all of them are looked at.
    const limit = status === "running" ? 100_000 : flags.limit;
    return kb.views
      .runs({ limit, inner: flags.inner === true, ...(status && { status }), ...(since !== undefined && { since }) })
      .map(shown)
      .filter((run) => flags.status === undefined || run.status === flags.status)
      .slice(0, flags.limit);
  });
  show<ShownRun>(
    out,
    found ?? [],
    [
      { title: "run", of: ({ traceId }) => traceId.slice("trace:".length, "trace:".length + ENOUGH) },
      {
        title: "status",
        of: ({ status }) => `${mark(status, out.unicode)} ${status}`,
        paint: (text, { status }) => paint(status, text, out.colours),
      },
      { title: "opening", of: ({ openingName }) => openingName, flexible: true },
      { title: "started", of: ({ startedMs }) => moment(startedMs) },
      { title: "took", of: ({ durationMs }) => (durationMs === null ? "" : duration(durationMs)), right: true },
    ],
    "no runs",
    recordOf,
  );
  const cut = (found ?? []).find(({ status: stands }) => stands === "interrupted");
  if (cut && out.readable)
    out.warn(`what was interrupted goes on with \`rlp resume ${cut.traceId.slice("trace:".length, "trace:".length + ENOUGH)}\``);
  return Exit.ok;
}

/** Digits of an id that tell runs apart in practice: the millisecond and twelve random bits. Commands take beginnings. */
const ENOUGH = "0199a3b0-0000-7000".length;

/** Names as in events. */
function recordOf(run: ShownRun) {
  return {
    trace_id: run.traceId,
    opening_id: run.openingId,
    ...(run.parent !== null && { parent: run.parent }),
    opening_name: run.openingName,
    opening: run.opening,
    status: run.status,
    success: run.success,
    reason: run.reason,
    started_ms: run.startedMs,
    finished_ms: run.finishedMs,
    duration_ms: run.durationMs,
    seed: run.seed,
    epoch_ms: run.epochMs,
    kb_watermark: run.kbWatermark,
    final_hash: run.finalHash,
    totals: run.totals,
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds since 1970. Dates without a zone are the machine's own. */
export function readSince(text: string, nowMs: number): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text);
  if (ago) return Math.max(0, nowMs - Number(ago[1]) * (UNITS[ago[2] ?? ""] ?? 0));
  // A bare date would be midnight in UTC (ECMA-262, 21.4.1.32); a person means their own.
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : NaN;
  if (Number.isNaN(time)) throw usage(`--since: \`${text.slice(0, 40)}\` is no time`, "--since 12h, --since 2026-11-20");
  return Math.max(0, time);
}
