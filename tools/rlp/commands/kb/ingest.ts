/** `rlp kb ingest`: takes contacts and notes into the knowledge base. */
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { KbError } from "#kb/errors.js";
import { ingest, type IngestOptions, type IngestSummary } from "#kb/ingest/ingest.js";
import { FILE_BYTES } from "#kb/ingest/source.js";
import { openKb } from "#kb/kb.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";
import { ledgerOptions } from "../../views.js";

interface IngestFlags {
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
    .addHelpText(
      "after",
      examples(
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
  const { config, home } = await context.load();
  await context.warnOfQuota(config.kb, home.kbRoot);
  const kb = await openKb(await ledgerOptions(context));
  try {
    const summary = await ingest(kb, {
      ...what,
      ...(flags.kind && { kind: flags.kind }),
      ...(flags.domain !== undefined && { domain: flags.domain }),
    });
    tell(summary, context);
    const taken = summary.contacts.added + summary.contacts.unchanged + summary.documents.added + summary.documents.unchanged;
    if (taken === 0 && summary.skipped.length > 0)
      throw new KbError("KB_INGEST", "nothing could be taken in", {
        place: { file: path },
        hint: "the lines above say why; `--kind` says what a file is",
      });
  } finally {
    await kb.close();
  }
  return Exit.ok;
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
