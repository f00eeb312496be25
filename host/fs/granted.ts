/** One granted directory as an attempt reads it. */
import { blake3 } from "#core/digest.js";
import { FileError, fileError, type FileCode } from "./error.js";
import { PAGE_ENTRIES, PIECE_BYTES } from "./limits.js";
import { list, type Listing } from "./listing.js";
import { utf8 } from "./utf8.js";
import { namesOf } from "./path.js";
import { Directory, identityOf, notAFile, within, type Entry, type Identity, type Kind } from "./walk.js";

/** What stands at one step of a path. */
export type Step =
  | { readonly kind: "directory" }
  | {
      readonly kind: "regular-file";
      readonly size: number;
      /** Another one as soon as the file is another or has changed. Says nothing else. */
      readonly version: string;
      /** Milliseconds since 1970; only where the grant holds `time`. */
      readonly modified_ms?: number;
    }
  | { readonly kind: "symbolic-link"; readonly target: string }
  | { readonly kind: "fifo" | "socket" | "block-device" | "character-device" }
  | { readonly error: FileCode };

export interface GrantedOptions {
  /** Absolute, as the policy names it. */
  readonly path: string;
  /** Directories that nobody enters. */
  readonly closed: ReadonlySet<Identity>;
  /** The home's secret: versions are made with it, so that they give away no number of the disk. */
  readonly key: Uint8Array;
  /** Whether times are told. */
  readonly times: boolean;
}

export class GrantedDirectory {
  readonly path: string;
  private readonly options: GrantedOptions;
  /** What the name stood for when the attempt came first: what is put in its place meanwhile is something else. */
  private identity: Identity | null = null;
  /** The directory that was listed last: its further pages must be of the same listing. */
  private listed: { readonly path: string; readonly listing: Listing } | null = null;

  constructor(options: GrantedOptions) {
    this.options = options;
    this.path = options.path;
  }

  /** What stands at each step of the path, up to the first that is no directory. */
  async stat(path: string): Promise<readonly Step[]> {
    const names = namesOf(path);
    const steps: Step[] = [];
    return this.open(async (root) => {
      let at = root;
      try {
        for (const name of names) {
          const entry = await at.look(name);
          if (entry.kind !== "directory") {
            try {
              steps.push(await this.step(at, entry));
            } finally {
              await entry.handle?.close();
            }
            break;
          }
          const next = await at.enter(entry);
          if (at !== root) await at.close();
          at = next;
          steps.push({ kind: "directory" });
        }
      } catch (error) {
        steps.push({ error: fileError(error).code });
      } finally {
        if (at !== root) await at.close();
      }
      return steps;
    });
  }

  /** Names after `after` in the order of their bytes. */
  async list(
    path: string,
    after: string,
  ): Promise<{ entries: readonly (readonly [string, Kind])[]; more: boolean; listing: Listing }> {
    const names = namesOf(path);
    if (after === "" || this.listed?.path !== path)
      this.listed = {
        path,
        listing: await this.open((root) => within(root, names, (directory) => list(directory))),
      };
    const { listing } = this.listed;
    const from = after === "" ? 0 : firstAfter(listing, after);
    const entries = listing.entries.slice(from, from + PAGE_ENTRIES).map(({ name, kind }) => [name, kind] as const);
    const more = from + entries.length < listing.entries.length;
    if (!more) this.listed = null;
    return { entries, more, listing };
  }

  /** At most a piece of a file, which must still be the version that was asked for (`io`). */
  async read(path: string, version: string, offset: number, length: number): Promise<Uint8Array> {
    const names = namesOf(path);
    const last = names.at(-1);
    if (last === undefined) throw new FileError("is-directory", "a directory");
    return this.open((root) =>
      within(root, names.slice(0, -1), async (parent) => {
        const entry = await parent.look(last);
        try {
          if (entry.kind !== "regular-file") throw new FileError(notAFile(entry.kind), "not a regular file");
          const changed = () => new FileError("io", "the file has changed since it was opened");
          if (this.version(entry) !== version) throw changed();
          const file = await parent.read(entry);
          try {
            const buffer = Buffer.alloc(Math.min(length, PIECE_BYTES));
            let filled = 0;
            while (filled < buffer.length) {
              const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled);
              if (bytesRead === 0) break;
              filled += bytesRead;
            }
            // Written to while it was read: the piece may be of both.
            if (this.version({ info: await file.stat({ bigint: true }) }) !== version) throw changed();
            return buffer.subarray(0, filled);
          } catch (error) {
            throw fileError(error);
          } finally {
            await file.close();
          }
        } finally {
          await entry.handle?.close();
        }
      }),
    );
  }

  /** Opens the directory itself, and lets go of it afterwards. Throws `FileError`: `io` where another has taken its place. */
  async open<T>(work: (root: Directory) => Promise<T>): Promise<T> {
    const root = await Directory.root(this.path, this.options.closed);
    try {
      const identity = identityOf(root.info);
      this.identity ??= identity;
      if (identity !== this.identity) throw new FileError("io", "the granted directory is another one than before");
      return await work(root);
    } finally {
      await root.close();
    }
  }

  version({ info }: Pick<Entry, "info">): string {
    const { dev, ino, size, mtimeNs, ctimeNs } = info;
    return blake3("rlp.file-version\0", this.options.key, [dev, ino, size, mtimeNs, ctimeNs].join(" ")).slice(0, 32);
  }

  private async step(directory: Directory, entry: Entry): Promise<Step> {
    const { kind, info, name } = entry;
    switch (kind) {
      case "regular-file":
        return {
          kind,
          size: Number(info.size),
          version: this.version(entry),
          ...(this.options.times && { modified_ms: Number(info.mtimeNs / 1_000_000n) }),
        };
      case "symbolic-link": {
        const target = utf8(await directory.link(name));
        return target === null ? { error: "no-entry" } : { kind, target };
      }
      default:
        return { kind: kind as "fifo" };
    }
  }
}

/** The index of the first name that comes after `after`. */
function firstAfter({ entries }: Listing, after: string): number {
  const limit = Buffer.from(after);
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Buffer.compare(Buffer.from(entries[middle]!.name), limit) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
