/** `rlp trace verify`: whether a trace file is whole, and who says so. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { VerifiedTrace } from "#host/trace/verify.js";
import type { Act, Context } from "../../context.js";
import { usage } from "../../failure.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<file>", "a trace file")
    .option(
      "--key <public-key>",
      "it must be signed by this key: 32 bytes in base64, a file that holds them, or a known key's name",
    )
    .addHelpText(
      "after",
      examples(
        ["rlp trace verify run.ndjson --key jfp7…0As=", "nothing but the public key is needed"],
        ["rlp trace verify run.ndjson", "exit code 4 unless a key that this home trusts has signed it as it is"],
      ),
    )
    .action(act(verify));
}

async function verify(context: Context, args: readonly string[], flags: { readonly key?: string }): Promise<ExitCode> {
  const { out, world } = context;
  const [name] = args;
  if (name === undefined) throw usage("no file is named", "`rlp trace export` writes one");
  const [{ verifyTrace }, { listKeys }] = await Promise.all([import("#host/trace/verify.js"), import("#host/trust/keys.js")]);
  const { keysDir } = context.locateHome();
  const key = flags.key === undefined ? undefined : publicKeyOf(flags.key, world.cwd, () => listKeys(keysDir));
  const verified = await verifyTrace(resolve(world.cwd, name), keysDir, key);
  if (out.readable) out.print(told(verified));
  else out.data(recordOf(verified));
  return key !== undefined || verified.signer?.trust === "trusted" ? Exit.ok : Exit.mismatch;
}

/** A key's file may be no longer than this. */
const KEY_FILE_BYTES = 4096;

function publicKeyOf(
  text: string,
  cwd: string,
  known: () => readonly { readonly name: string; readonly public: string }[],
): string {
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return text;
  const file = resolve(cwd, text);
  if (existsSync(file)) return readFileSync(file, "utf8").slice(0, KEY_FILE_BYTES).trim();
  const found = known().find(({ name }) => name === text);
  if (found) return found.public;
  throw usage(
    `--key: \`${text.slice(0, 80)}\` is no public key, no file, and no key that this home knows`,
    "`rlp keys list` prints keys",
  );
}

function told({ trace, signer }: VerifiedTrace): string {
  const { runs, events, blobs, agents, chained, seal } = trace;
  const what = [
    `${events.length} events`,
    ...(runs.size > 1 ? [`${runs.size - 1} runs that it began`] : []),
    `${blobs.size} blobs`,
    ...(agents.size > 0 ? [`${agents.size} agents`] : []),
  ].join(", ");
  const chain = chained === 0 ? "" : `\n${chained} events are the rows of a ledger, hash by hash`;
  const who = signer
    ? `signed by ${signer.name ?? "a key that this home does not know"} (${signer.id}), ${signer.trust}`
    : seal
      ? "nobody has signed it"
      : "it has no seal: whether something is missing at its end, or was changed with care, cannot be told";
  return `${trace.traceId}: whole; ${what}${chain}\n${who}`;
}

function recordOf({ trace, signer }: VerifiedTrace) {
  const { traceId, runs, events, blobs, agents, chained, seal } = trace;
  return {
    trace_id: traceId,
    whole: true,
    sealed: seal !== null,
    runs: runs.size,
    events: events.length,
    chained,
    blobs: blobs.size,
    agents: [...agents.keys()],
    signer,
  };
}
