/** From the changes that an attempt wants to an action that can be decided on and carried out. */
import type { Digest } from "#core/digest.js";
import { digestStream } from "#core/digest.js";
import { canonicalJson, type Json } from "#core/json.js";
import type { ActionKind } from "../actions/action.js";
import { filesAction } from "../actions/files.js";
import { proposalIdOf } from "../imports/actions.js";
import { CallFailure, type CallContext } from "../imports/interface.js";
import { asWanted, sameContent, type Change, type WantedChange } from "./changes.js";
import { contentOf } from "./commit.js";
import type { Disk } from "./disk.js";
import { FileError, fileError } from "./error.js";
import type { GrantedDirectory } from "./granted.js";
import type { DirectoryGuard } from "./guard.js";
import { namesOf } from "./path.js";
import { showChanges, TEXT_BYTES, type ShownChange } from "./shown.js";
import { within, type Directory, type Entry } from "./walk.js";

/** What files need of the host. */
export interface FilesHost {
  readonly guard: DirectoryGuard;
  /** The home's secret. */
  readonly key: Uint8Array;
  readonly disk: Disk;
  /** Bytes of a blob of this run. */
  readonly blob: (digest: Digest) => Uint8Array;
  /** Lets nobody else of this home commit meanwhile. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Looks at everything that is to be changed, and takes the digests before and after. Where the run has proposed the very same before
 * it was cut off, that proposal stands: by now the disk may hold part of it. null where all of it is on the disk already. Throws `CallFailure` with `unavailable` for a conflict.
 */
export async function prepareCommit(
  host: FilesHost,
  context: CallContext,
  wanted: readonly WantedChange[],
  granted: (dir: string) => Promise<GrantedDirectory>,
): Promise<{ readonly kind: ActionKind; readonly args: Json } | null> {
  const action = (text: string) =>
    filesAction({
      text,
      granted,
      disk: host.disk,
      blob: host.blob,
      alone: host.alone,
    });
  const id = proposalIdOf(context);
  const earlier = context.recorded.proposals.find(({ meta }) => meta.proposal_id === id);
  if (earlier) {
    const args = context.journal.load(earlier.meta.args);
    const { changes } = args as unknown as { readonly changes: readonly Change[] };
    if (canonicalJson(changes.map(asWanted)) !== canonicalJson(wanted))
      throw new CallFailure("denied", "the proposal in the journal was for something else");
    return { kind: action(context.journal.load(earlier.meta.summary) as string), args };
  }
  const shown: ShownChange[] = [];
  for (const change of wanted) shown.push(await looked(host, await granted(change.dir), change));
  const changes = shown.map(({ change }) => change);
  if (changes.every(({ before, after }) => sameContent(before, after))) return null;
  return { kind: action(await showChanges(shown)), args: { changes } as unknown as Json };
}

async function looked(host: FilesHost, directory: GrantedDirectory, wanted: WantedChange): Promise<ShownChange> {
  const { dir, path } = wanted;
  const before = await current(directory, wanted);
  const pieces = wanted.after?.kind === "file" ? wanted.after.pieces : [];
  const after = wanted.after?.kind === "file" ? { ...wanted.after, digest: await digestOf(host, wanted.after) } : wanted.after;
  return {
    change: { dir, path, before: before.content, after } as Change,
    before: before.bytes,
    after: wanted.after?.kind === "file" && wanted.after.size <= TEXT_BYTES ? Buffer.concat(pieces.map(host.blob)) : null,
  };
}

async function digestOf(host: FilesHost, { size, pieces }: { readonly size: number; readonly pieces: readonly Digest[] }) {
  let bytes = 0;
  const fits = (isWhole: boolean): void => {
    if (bytes > size || (isWhole && bytes < size))
      throw new CallFailure("invalid", `pieces of ${bytes} bytes for a file of ${size}`);
  };
  const digest = await digestStream(
    (async function* () {
      for (const piece of pieces) {
        const content = host.blob(piece);
        bytes += content.length;
        fits(false); // a piece can be named ten thousand times
        yield content;
      }
    })(),
  );
  fits(true);
  return digest;
}

/** What stands under the name, which must be what the attempt has met there. */
async function current(
  directory: GrantedDirectory,
  { dir, path, before }: WantedChange,
): Promise<{ readonly content: Change["before"]; readonly bytes: Uint8Array | null }> {
  const conflict = () => new CallFailure("unavailable", `${dir}/${path} has changed since the agent met it: nothing was written`);
  const names = namesOf(path);
  const name = names.at(-1)!;
  try {
    return await directory.open((root) =>
      within(root, names.slice(0, -1), async (parent) => {
        const entry = await parent.look(name);
        const version = entry.kind === "regular-file" ? directory.version(entry) : null;
        const fits = before?.kind === "file" ? version === before.version : before?.kind === entry.kind;
        if (!fits) {
          await entry.handle?.close();
          throw conflict();
        }
        const isText = before?.kind === "file" && entry.info.size <= BigInt(TEXT_BYTES);
        const bytes = isText ? await bytesOf(parent, entry) : null;
        const content = await contentOf(parent, entry);
        if (content?.kind !== "file") return { content, bytes };
        const again = await parent.look(name);
        await again.handle?.close();
        if (directory.version(again) !== version) throw conflict();
        return { content: { ...content, version: version! }, bytes };
      }),
    );
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const nothing = error.code === "no-entry" || error.code === "not-directory";
    if (before === null && nothing) return { content: null, bytes: null };
    if (nothing || error.code === "loop") throw conflict();
    throw new CallFailure("failed", `${dir}/${path}: ${error.message}`);
  }
}

/** The entry is the caller's still, unless this throws. Throws `FileError`. */
async function bytesOf(parent: Directory, entry: Entry): Promise<Uint8Array> {
  try {
    const file = await parent.read(entry);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    await entry.handle?.close();
    throw fileError(error);
  }
}
