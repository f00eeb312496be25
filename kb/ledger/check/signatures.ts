/** The checkpoints against the rows that they sign, against each other, and against the keys that count. */
import type { Db } from "../../files.js";
import {
  CHECKPOINT_COLUMNS,
  CHECKPOINT_ROWS,
  checkpointDigest,
  isSigned,
  NO_CHECKPOINT,
  RUN_ENDS,
  storedCheckpoint,
  type Checkpoint,
  type CheckpointColumns,
} from "../checkpoint.js";
import type { Problem } from "./problem.js";

export interface AcceptedKey {
  readonly name: string;
  /** Raw, 32 bytes in base64. */
  readonly public: string;
  /** What a revoked key signed counts no more: somebody else may have signed it. */
  readonly status: "trusted" | "revoked";
}

export interface SignedUpTo {
  /** Rows up to this one are signed. */
  readonly id: number;
  readonly tsMs: number;
  readonly checkpoints: number;
  /** Name of the key; its base64 where it was not looked for among known ones. */
  readonly key: string;
}

const PAGE = 1000;

/** `end` is the last row. `keys` is null where nobody says which keys count. */
export function checkSignatures(
  db: Db,
  end: number,
  keys: readonly AcceptedKey[] | null,
): { readonly signed: SignedUpTo | null; readonly problems: readonly Problem[] } {
  // Ledgers of the first schema were not signed.
  const there = (db.pragma("user_version", { simple: true }) as number) >= 2;
  const { newest, count, problems } = there ? checkChain(db, end) : { newest: null, count: 0, problems: [] };
  if (newest && problems.length === 0) {
    const refusal = refuse(newest, keys);
    if (refusal !== null) problems.push({ id: newest.id, what: refusal });
  }
  const good = problems.length === 0 && newest ? newest : null;
  // A home that signs has signed each run's end: where nothing is signed, the signatures were taken away.
  if (there && problems.length === 0 && keys?.some(({ status }) => status === "trusted"))
    problems.push(...unsignedTail(db, good?.id ?? 0, end));
  const key = keys?.find((each) => each.public === good?.key)?.name ?? good?.key ?? "";
  return { signed: good && { id: good.id, tsMs: good.tsMs, checkpoints: count, key }, problems };
}

function refuse(newest: Checkpoint, keys: readonly AcceptedKey[] | null): string | null {
  if (!isSigned(newest)) return "its checkpoint is not signed by the key that it names";
  if (!keys) return null;
  const known = keys.find((each) => each.public === newest.key);
  if (!known) return `is signed by a key that is none of this home's own (${newest.key})`;
  return known.status === "revoked" ? `is signed by \`${known.name}\`, which was revoked: anybody may have signed it` : null;
}

/** Each checkpoint names the digest of the one before it: so the signature of the newest is enough, and each of the others is held by it. */
function checkChain(db: Db, end: number): { newest: Checkpoint | null; count: number; problems: Problem[] } {
  const read = db
    .prepare<[number], [...CheckpointColumns, Uint8Array | null]>(
      `SELECT ${CHECKPOINT_COLUMNS.replaceAll(/\w+/g, "c.$&")}, e.hash FROM checkpoints c LEFT JOIN events e ON e.id = c.id WHERE c.id > ? ORDER BY c.id LIMIT ${PAGE}`,
    )
    .raw();
  let newest: Checkpoint | null = null;
  let good = 0;
  let count = 0;
  for (;;) {
    const page = read.all(newest?.id ?? 0);
    for (const columns of page) {
      const checkpoint = storedCheckpoint(columns);
      if (!checkpoint) return { newest, count, problems: [{ id: Number(columns[0]), what: "its checkpoint cannot be read" }] };
      if (checkpoint.id > end) {
        const what = isSigned(checkpoint)
          ? `row ${checkpoint.id} was signed: its end was cut off`
          : `a checkpoint is of row ${checkpoint.id}`;
        return { newest, count, problems: [{ id: end + 1, what: `the ledger ends with row ${end}, but ${what}` }] };
      }
      const previous = newest ? checkpointDigest(newest) : NO_CHECKPOINT;
      if (checkpoint.previous !== previous)
        return { newest, count, problems: [{ id: checkpoint.id, what: "its checkpoint does not follow the one before it" }] };
      const hash = columns.at(-1) as Uint8Array | null;
      if (!hash || Buffer.from(hash).toString("hex") !== checkpoint.hash)
        return { newest, count, problems: [{ id: good + 1, what: rewritten(good, checkpoint) }] };
      good = checkpoint.id;
      newest = checkpoint;
      count++;
    }
    if (page.length < PAGE) return { newest, count, problems: [] };
  }
}

function rewritten(good: number, checkpoint: Checkpoint): string {
  return isSigned(checkpoint)
    ? `rows ${good + 1} to ${checkpoint.id} are not the ones that were signed: some of them were altered, and the chain behind was made anew`
    : `the checkpoint of row ${checkpoint.id} fits neither its row nor its signature`;
}

function unsignedTail(db: Db, signed: number, end: number): readonly Problem[] {
  const ended = db
    .prepare<[number], number>(
      `SELECT id FROM events WHERE id > ? AND kind IN (${RUN_ENDS.map((kind) => `'${kind}'`).join(", ")}) ORDER BY id LIMIT 1`,
    )
    .pluck()
    .get(signed);
  if (ended !== undefined) return [{ id: ended, what: `ends a run and is not signed: the last signed row is ${signed}` }];
  if (end - signed < CHECKPOINT_ROWS) return [];
  return [{ id: signed + CHECKPOINT_ROWS, what: `is not signed: the last signed row is ${signed}` }];
}
