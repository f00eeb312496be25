/** `npm start`, once everything is set up: a home inside the project, the sample data, one opening, and what to look at next. */
import { mkdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { ingest } from "#kb/ingest/ingest.js";
import { Context } from "./context.js";
import { tellFailure } from "./failure.js";
import { usable } from "./opening.js";
import { Output } from "./output.js";
import { viewOf } from "./run/view.js";
import { watchRun } from "./run/watched.js";
import { appearance, realWorld } from "./world.js";

const root = resolve(import.meta.dirname, "../../..");
const HOME = join(root, ".rlp", "home");
const OPENING = join("examples", "openings", "compose_email.yaml");

async function start(): Promise<ExitCode> {
  // Paths in what is printed are to be pasted in the project's folder.
  const world = { ...realWorld(), cwd: root };
  const out = new Output(process.stdout, process.stderr, {
    ...appearance(world, true),
    json: false,
    quiet: false,
    readable: true,
  });
  const context = new Context(
    { ...world, env: { ...world.env, npm_command: "start" } },
    out,
    { json: false, color: true, quiet: false, verbose: false, debug: false, home: HOME },
    new Command("start"),
  );
  try {
    return await compose(context);
  } catch (error) {
    return await tellFailure(error, out, false);
  } finally {
    await context.close();
  }
}

async function compose(context: Context): Promise<ExitCode> {
  const { out } = context;
  mkdirSync(HOME, { recursive: true, mode: 0o700 });
  const host = await context.host({ warm: true });
  const { contacts, documents } = await ingest(await host.kb(), { path: join(root, "examples", "data") });
  const fresh = contacts.added + documents.added;
  out.print(
    fresh > 0
      ? `sample data: ${contacts.added} contacts and ${documents.added} documents taken into ${relative(root, HOME)}`
      : `sample data: in ${relative(root, HOME)} already`,
  );
  out.print(`running ${OPENING}\n`);
  const compiled = usable(await host.compile(join(root, OPENING), {}, "run"), out);
  const { startRun } = await import("#host/run/start.js");
  const code = await watchRun(
    context,
    { host, view: viewOf(compiled.opening), start: (options) => startRun(host, compiled, options) },
    { yes: true, traceOut: join(root, ".rlp", "last-run.ndjson") },
  );
  if (code === Exit.ok) {
    const again = `npx rlp run ${OPENING} --local --home ${relative(root, HOME)} --param recipient=zoe --param topic="harbour move"`;
    out.print(`  ${again}\n      another mail; on a terminal it asks before that goes out`);
  }
  return code;
}

process.exitCode = await start();
