/** `rlp kb verify`: goes through the whole ledger and names the first row that is not as it was written. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import type { VerifyReport } from "#kb/ledger/verify.js";
import { verifyKb } from "#kb/verify.js";
import type { Act, Context } from "../../context.js";
import { formatFailure, usage } from "../../failure.js";
import { examples } from "../../program.js";

interface VerifyFlags {
  readonly key: readonly string[];
  readonly head?: string;
}

export function define(command: Command, act: Act): void {
  command
    .option("--key <name>", "checkpoints of this key count, too: for a ledger of another home", collect, [])
    .option("--head <row:hash>", "what an earlier `verify` printed: whether the ledger still holds that row")
    .addHelpText(
      "after",
      examples(
        ["rlp kb verify", "exit code 4 if something was altered, removed, reordered or cut off"],
        ["rlp kb verify --head 101:aa19…78fd", "compared with a head that was noted down elsewhere"],
      ),
    )
    .action(act(verify));
}

const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];

async function verify(context: Context, _: readonly string[], flags: VerifyFlags) {
  const { out } = context;
  const { home } = await context.load();
  const { checkpointKeys, headFile } = await import("#host/trust/ledger-keys.js");
  const report = await verifyKb({
    root: home.kbRoot,
    headFile: headFile(home, home.kbRoot),
    keys: checkpointKeys(home.keysDir, flags.key),
    noted: flags.head === undefined ? [] : [{ ...parseHead(flags.head), by: "the head that was given" }],
  });
  if (!out.readable) out.data(report);
  if (report.ok) {
    if (out.readable) out.print(text(report));
    return Exit.ok;
  }
  complain(report, home.kbRoot, context);
  return Exit.mismatch;
}

function parseHead(given: string): { readonly id: number; readonly hash: string } {
  const found = /^(\d{1,15}):([0-9a-f]{64})$/.exec(given);
  if (!found)
    throw usage(
      `\`${given.slice(0, 80)}\` is no head`,
      "the row's number, a colon, and its hash, as `rlp kb verify` prints them",
    );
  return { id: Number(found[1]), hash: found[2]! };
}

function text({ rows, blobs, runs, head, signed, last }: VerifyReport): string {
  const behind = last - (signed?.id ?? 0);
  const tail = behind === 0 ? "" : `; ${behind} row${behind === 1 ? "" : "s"} behind it not yet`;
  return [
    `in order: ${rows} rows, ${blobs} blobs, ${runs} runs`,
    signed
      ? `signed up to row ${signed.id} by \`${signed.key}\`, ${new Date(signed.tsMs).toISOString()}${tail}`
      : "not signed: whoever can write the file could have made all of it anew",
    `head ${last}:${head}  (noted down elsewhere, it proves later that nothing before it was changed)`,
  ].join("\n");
}

function hintOf({ rows }: VerifyReport, first: number | null): string {
  if (rows === 0) return "`rlp kb restore` puts a backup back. If you removed it on purpose, remove what remembers it, too";
  return first === null
    ? "`rlp kb query` and replays go on; `rlp kb restore` puts a backup back, to be sure of it"
    : "rows before that one are as they were written; `rlp kb restore` puts a backup from before the damage back";
}

function complain(report: VerifyReport, kbRoot: string, { out }: Context): void {
  // The first bad row says most; a missing trigger, or the like, comes behind it.
  const first = report.problems.find(({ id }) => id !== null) ?? report.problems[0];
  const others = report.problems.filter((problem) => problem !== first);
  const failure = {
    code: "KB_BROKEN_CHAIN",
    message: first?.what ?? "the ledger is damaged",
    place: { file: kbRoot, ...(first?.id != null && { at: `row ${first.id}` }) },
    hint: hintOf(report, first?.id ?? null),
  };
  if (out.json) return out.complain(JSON.stringify(failure));
  out.complain(formatFailure(failure, out));
  for (const { id, what } of others) out.complain(`  ${id === null ? "" : `row ${id}: `}${visibleLine(what)}`);
}
