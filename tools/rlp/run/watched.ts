/** Starts (or goes on with) a run and shows it as it happens: a live view, plain lines, or NDJSON. */
import { Exit, RlpError, type ExitCode } from "#core/errors.js";
import type { RunEvent } from "#core/events.js";
import type { Host } from "#host/host.js";
import type { Decider, RunOptions, RunResult } from "#host/run/contract.js";
import type { Context } from "../context.js";
import { openScreen, type Screen } from "../terminal/screen.js";
import { decidedBy, nobody, terminalDecider } from "./decider.js";
import { listenForInterrupt, type Interrupt } from "./interrupt.js";
import { liveLines, type Look } from "./lines.js";
import { asOutermost } from "./inner.js";
import { progressLine } from "./progress.js";
import { exitOf } from "./exit.js";
import { tellResult } from "./result.js";
import { follow, type RunView } from "./view.js";

export interface WatchFlags {
  readonly yes?: boolean;
  readonly deny?: boolean;
  /** `--trace-out`, absolute. */
  readonly traceOut?: string | undefined;
}

export interface Watched {
  readonly host: Host;
  readonly view: RunView;
  readonly start: (options: RunOptions) => Promise<RunResult>;
}

export async function watchRun(context: Context, watched: Watched, flags: WatchFlags): Promise<ExitCode> {
  const { out, world } = context;
  let view = watched.view;
  const look: Look = { colours: out.colours, unicode: out.unicode };
  const inPlace = out.readable && out.stdout.isTTY === true && !out.quiet && world.env["TERM"] !== "dumb";
  const screen = inPlace ? openScreen(out, (size) => liveLines(view, size, world.now(), look), world.now) : null;
  const interrupt = listenForInterrupt(world, out);

  const onEvent = (event: RunEvent): void => {
    view = follow(view, event);
    const told = asOutermost(view, event);
    if (screen) screen.changed();
    else if (!out.readable) out.data(event);
    else if (out.stdout.isTTY && !out.quiet) {
      const line = told && progressLine(told, view, look);
      if (line !== null) out.print(line);
    }
  };
  try {
    screen?.changed();
    const decider = deciderOf(context, flags, screen, interrupt);
    const result = await watched.start({ decider, onEvent, signals: { interrupt: interrupt.signal } });
    screen?.end(false);
    if (flags.traceOut !== undefined) {
      const { exportTrace } = await import("#host/trace/export.js");
      await exportTrace(watched.host, result.traceId, flags.traceOut);
    }
    const interrupted = interrupt.signal.aborted && result.status === "parked";
    const last = interrupted ? { ...view, state: "interrupted" as const, reason: null } : view;
    await tellResult(context, { host: watched.host, result, view: last, traceOut: flags.traceOut });
    return interrupted ? Exit.interrupted : exitOf(result, view);
  } catch (error) {
    screen?.end(true);
    if (interrupt.signal.aborted && !(error instanceof RlpError)) {
      if (view.traceId !== null && interrupt.byPerson)
        out.complain(`interrupted; \`${context.invocation(`resume ${view.traceId}`)}\` goes on`);
      return Exit.interrupted;
    }
    throw error;
  } finally {
    interrupt.stop();
  }
}

/** Who answers in this call: a flag, the person at the terminal, or nobody. */
export function deciderOf(
  context: Context,
  flags: Pick<WatchFlags, "yes" | "deny">,
  screen: Screen | null,
  interrupt: Interrupt,
): Decider {
  if (flags.yes) return decidedBy("--yes");
  if (flags.deny) return decidedBy("--deny");
  const { world, out } = context;
  // A person is there where the answer can be typed and the question can be read.
  if (world.stdin.isTTY !== true || out.stderr.isTTY !== true) return nobody;
  return terminalDecider({
    input: world.stdin,
    output: world.prompt,
    out,
    pause: () => screen?.pause(),
    resume: () => screen?.resume(),
    interrupt: () => interrupt.now(),
  });
}
