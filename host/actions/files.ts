/** `fs.commit`: what an attempt has written becomes part of the granted directories, as a whole. */
import type { Digest } from "#core/digest.js";
import type { Json } from "#core/json.js";
import type { Change } from "../fs/changes.js";
import { carryOutChanges, CommitBroken, CommitConflict } from "../fs/commit.js";
import type { Disk } from "../fs/disk.js";
import { FileError } from "../fs/error.js";
import type { GrantedDirectory } from "../fs/granted.js";
import { CallFailure } from "../imports/interface.js";
import { OutcomeUnknown, type ActionKind } from "./action.js";

export const FILES_ACTION = "fs.commit";

export interface FilesActionOptions {
  /** All of it, for a person. */
  readonly text: string;
  readonly granted: (dir: string) => Promise<GrantedDirectory>;
  readonly disk: Disk;
  readonly blob: (digest: Digest) => Uint8Array;
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}

export function filesAction({ text, granted, disk, blob, alone }: FilesActionOptions): ActionKind {
  const changesOf = (args: Json): readonly Change[] => (args as unknown as { readonly changes: readonly Change[] }).changes;
  return {
    kind: FILES_ACTION,
    afterCrash: "repeat",
    parse: (args) => args,
    show: () => text,
    destination: (args) => ({ directories: [...new Set(changesOf(args).map(({ dir }) => dir))].sort() }),
    async perform(args, { idempotencyKey }) {
      const changes = changesOf(args);
      try {
        await alone(() =>
          carryOutChanges({
            changes,
            open: async (dir, work) => (await granted(dir)).open(work),
            blob,
            key: idempotencyKey,
            disk,
          }),
        );
      } catch (error) {
        const words = `${(error as Error).message}: nothing was written`;
        if (error instanceof CommitConflict) throw new CallFailure("unavailable", words);
        if (error instanceof FileError) throw new CallFailure("failed", words);
        if (error instanceof CommitBroken) throw new OutcomeUnknown(new CallFailure("failed", error.message));
        throw error;
      }
      const bytes = changes.reduce((sum, { after }) => sum + (after?.kind === "file" ? after.size : 0), 0);
      return {
        result: { changes: changes.length, bytes },
        events: [],
        detail: `${changes.length} names, ${bytes} bytes`,
      };
    },
  };
}
