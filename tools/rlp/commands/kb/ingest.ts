/** `rlp kb ingest`: takes contacts and notes into the knowledge base. */
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { KbError } from "#kb/errors.js";
import { ingest, type IngestOptions, type IngestSummary } from "#kb/ingest/ingest.js";
import { FILE_BYTES } from "#kb/ingest/source.js";
import type { Kb } from "#kb/kb.js";
import { embed } from "#kb/vectors/embed.js";
import { changes } from "#kb/ingest/watch.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import type { Output } from "../../output.js";
import { examples } from "../../program.js";
import { Progress } from "../../terminal/progress.js";
import { kbOptions } from "../../views.js";

interface IngestFlags {
  readonly watch?: boolean;
  readonly kind?: "contacts" | "document";
  readonly domain?: string;
  readonly name: string;
}

export function define(command: Command, act: Act): void {
  command
    .argument("<path>", "a file or a folder; `-` is standard input")
    .addOption(new Option("--kind <kind>", "what it is, where the name does not tell").choices(["contacts", "document"]))
    .option("--domain <domain>", "of documents: agents read only the domains that they are granted")
    .option("--name <name>", "what standard input is called from now on; its ending tells its format", "stdin.txt")
    .option("--watch", "stay, and take in what changes, until interrupted")
    .addHelpText(
      "after",
      examples(
        ["rlp kb ingest ~/notes --watch", "a folder, now and whenever something in it changes"],
        ["rlp kb ingest examples/data", "contacts (NDJSON) and notes (Markdown); what is there already costs nothing"],
        ["pbpaste | rlp kb ingest - --name meeting.md", "standard input, as a Markdown note"],
      ),
    )
    .action(act(ingestPath));
}

async function ingestPath(context: Context, args: readonly string[], flags: IngestFlags) {
  const { world } = context;
  const [path = ""] = args;
  if (path === "") throw usage("nothing is named", "rlp kb ingest examples/data");
  const what: IngestOptions =
    path === "-" ? { bytes: await readAll(world.stdin), uri: flags.name } : { path: resolve(world.cwd, path) };
  if (flags.watch && path === "-") throw usage("standard input cannot be watched", "rlp kb ingest ~/notes --watch");
  const options: IngestOptions = {
    ...what,
    ...(flags.kind && { kind: flags.kind }),
    ...(flags.domain !== undefined && { domain: flags.domain }),
  };
  const { config, home } = await context.load();
  await context.warnOfQuota(config.kb, home.kbRoot);
  const [{ openKb }, { extractor }, kbOf] = await Promise.all([
    import("#kb/kb.js"),
    import("#host/extract/extractor.js"),
    kbOptions(context),
  ]);
  const kb = await openKb(kbOf);
  const parsers = extractor();
  try {
    const summary = await takeIn(kb, { ...options, extract: parsers.extract }, context);
    const taken = summary.contacts.added + summary.contacts.unchanged + summary.documents.added + summary.documents.unchanged;
    if (taken === 0 && summary.skipped.length > 0 && !flags.watch)
      throw new KbError("KB_INGEST", "nothing could be taken in", {
        place: { file: path },
        hint: "the lines above say why; `--kind` says what a file is",
      });
    if (flags.watch && "path" in what)
      await follow(what.path, context, () => takeIn(kb, { ...options, extract: parsers.extract }, context, true));
  } finally {
    parsers.close();
    await kb.close();
  }
  return Exit.ok;
}

async function follow(path: string, { world, out }: Context, pass: () => Promise<unknown>): Promise<void> {
  const interrupted = new AbortController();
  const off = world.onInterrupt(() => interrupted.abort());
  out.note("watching; Ctrl-C ends it");
  try {
    for await (const _ of changes(path, interrupted.signal)) await pass();
  } finally {
    off();
  }
}

/** One pass: reads, appends, embeds. `again`: of what is left out, nothing is said a second time. */
async function takeIn(kb: Kb, options: IngestOptions, context: Context, again = false): Promise<IngestSummary> {
  const { out } = context;
  const progress = new Progress(out, "files");
  const summary = await ingest(kb, {
    ...options,
    onProgress: ({ files, of, chunks }) => progress.at(files, of, `${chunks} parts`),
  });
  progress.end();
  await embedNew(kb, out);
  if (!again || summary.contacts.added + summary.documents.added > 0)
    tell(again ? { ...summary, skipped: [] } : summary, context);
  return summary;
}

/** What is taken in is taken in, whether it can be embedded now or not. */
async function embedNew(kb: Kb, out: Output): Promise<void> {
  const progress = new Progress(out, "parts embedded");
  try {
    await embed(kb, { onProgress: ({ done, of }) => progress.at(done, of) });
  } catch (cause) {
    if (!(cause instanceof KbError && cause.code === "KB_EMBEDDER")) throw cause;
    out.warn(`${cause.message}; ${cause.hint ?? "`rlp kb reindex` makes the vectors later"}`);
  } finally {
    progress.end();
  }
}

function tell(summary: IngestSummary, { out }: Context): void {
  const { contacts, documents, skipped } = summary;
  for (const { file, line, reason } of skipped)
    out.note(`skipped ${visibleLine(file)}${line === undefined ? "" : `:${line}`}: ${visibleLine(reason)}`);
  if (!out.readable) out.data(summary);
  else
    out.print(
      [
        `contacts: ${contacts.added} added, ${contacts.unchanged} unchanged`,
        `documents: ${documents.added} added (${documents.chunks} part${documents.chunks === 1 ? "" : "s"}), ${documents.unchanged} unchanged`,
        ...(skipped.length > 0 ? [`skipped: ${skipped.length}`] : []),
      ].join("\n"),
    );
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > FILE_BYTES)
      throw new KbError("KB_INGEST", `standard input is longer than ${FILE_BYTES} bytes`, {
        hint: "put it into files and ingest their folder",
      });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
