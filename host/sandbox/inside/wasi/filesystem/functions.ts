/** `wasi:filesystem` over a {@link View}. */
import { createHash } from "node:crypto";
import { GuestTrap } from "../../ends.js";
import { datetime } from "../clocks.js";
import type { Native, WasiFunction } from "../contract.js";
import { IoError } from "../error.js";
import { atMost, resourceOf } from "../values.js";
import { PIECE_BYTES } from "../../../../fs/limits.js";
import { FileIoError, FsError } from "./code.js";
import { Descriptor, DirectoryEntries, FileInput, FileOutput } from "./descriptor.js";
import type { DirectoryNode, FileNode, Node } from "./nodes.js";
import type { Place, View } from "./view.js";

type Flags = Readonly<Record<string, boolean>>;
type Functions = readonly (readonly [string, WasiFunction])[];

/** By interface: `wasi:filesystem/preopens`, `wasi:filesystem/types`. */
export function filesystemFunctions(view: View): Readonly<Record<string, Functions>> {
  const preopens: Functions = [
    [
      "get-directories",
      () =>
        view.mounts.map(({ root, path, writable }) => [
          new Descriptor(view, root, { read: true, write: false, mutate: writable }),
          path,
        ]),
    ],
  ];
  const methods = Object.entries(descriptorMethods(view)).map(
    ([name, method]) =>
      [`[method]descriptor.${name}`, ([self, ...args]: readonly Native[]) => method(resourceOf(Descriptor, self), args)] as const,
  );
  const types: Functions = [
    ...methods,
    [
      "[method]directory-entry-stream.read-directory-entry",
      ([self]) => {
        const entry = resourceOf(DirectoryEntries, self).entry();
        return { ok: entry && { type: entry[1], name: entry[0] } };
      },
    ],
    [
      "filesystem-error-code",
      ([error]) => {
        const given = resourceOf(IoError, error);
        return given instanceof FileIoError ? given.code : null;
      },
    ],
  ];
  return { "wasi:filesystem/preopens": preopens, "wasi:filesystem/types": types };
}

type Method = (self: Descriptor, args: readonly Native[]) => Native | Promise<Native>;

function descriptorMethods(view: View): Readonly<Record<string, Method>> {
  /** `result<T, error-code>`. */
  const fallible =
    (work: (self: Descriptor, args: readonly Native[]) => Native | Promise<Native>): Method =>
    (self, args) => {
      const failed = (error: unknown): Native => {
        if (error instanceof FsError) return { err: error.code };
        throw error;
      };
      try {
        const value = work(self, args);
        return value instanceof Promise ? value.then((ok) => ({ ok }), failed) : { ok: value };
      } catch (error) {
        return failed(error);
      }
    };
  const follow = (flags: Native | undefined): boolean => (flags as Flags)["symlink_follow"] === true;
  /** What a path leads to, where it leads to something. */
  const found = async (self: Descriptor, path: Native | undefined, followLast: boolean): Promise<Node> =>
    there(await view.find(self.directory(), path as string, followLast));

  return {
    "read-via-stream": fallible((self, [offset]) => new FileInput(view, self.readable(), place(offset))),
    "write-via-stream": fallible((self, [offset]) => new FileOutput(view, self.writable(), offset as bigint)),
    "append-via-stream": fallible((self) => new FileOutput(view, self.writable(), null)),
    advise: fallible((self) => (isFile(self.node), null)),
    "sync-data": fallible(() => null),
    sync: fallible(() => null),
    "get-flags": fallible(({ node, rights }) => ({
      read: node.kind === "directory" || rights.read,
      write: rights.write,
      file_integrity_sync: false,
      data_integrity_sync: false,
      requested_write_sync: false,
      mutate_directory: rights.mutate,
    })),
    "get-type": fallible(({ node }) => node.kind),
    "set-size": fallible(async (self, [size]) => {
      await view.resize(self.writable(), size as bigint);
      return null;
    }),
    // Times belong to the view alone and are what its clock says: there is nothing to keep.
    "set-times": fallible(({ node }) => {
      if (!node.mount.writable) throw new FsError("read-only");
      return null;
    }),
    "set-times-at": fallible(async (self, [flags, path]) => {
      self.mutable();
      await found(self, path, follow(flags));
      return null;
    }),
    read: fallible(async (self, [length, offset]) => {
      const { content } = self.readable();
      const from = place(offset);
      const bytes = await content.read(from, atMost(length, PIECE_BYTES));
      return [bytes, from + bytes.length >= content.size];
    }),
    write: fallible(async (self, [buffer, offset]) => {
      const bytes = buffer as Uint8Array;
      if (bytes.length > 0) await view.write(self.writable(), offset as bigint, bytes);
      else self.writable();
      return BigInt(bytes.length);
    }),
    "read-directory": fallible(async (self) => {
      const node = self.directory();
      if (node.removed) throw new FsError("no-entry");
      return new DirectoryEntries(await view.list(node));
    }),
    "create-directory-at": fallible(async (self, [path]) => {
      const { parent, name, node } = await view.find(self.mutable(), path as string, false);
      if (parent === null || node !== null) throw new FsError("exist");
      view.create(parent, name, "directory");
      return null;
    }),
    stat: fallible(({ node }) => statOf(node)),
    "stat-at": fallible(async (self, [flags, path]) => statOf(await found(self, path, follow(flags)))),
    // As a file system that has none: programs know what to do then.
    "link-at": fallible((self) => refused(self)),
    "symlink-at": fallible((self) => refused(self)),
    "open-at": fallible((self, [flags, path, how, rights]) =>
      openAt(view, self, { path: path as string, follow: follow(flags), how: how as Flags, rights: rights as Flags }),
    ),
    "readlink-at": fallible(async (self, [path]) => {
      const node = await found(self, path, false);
      if (node.kind !== "symbolic-link") throw new FsError("invalid");
      if (node.target.startsWith("/")) throw new FsError("not-permitted");
      return node.target;
    }),
    "remove-directory-at": fallible(async (self, [path]) => {
      const { parent, name, node } = await view.find(self.mutable(), path as string, false);
      if (parent === null) throw new FsError("invalid");
      if (node === null) throw new FsError("no-entry");
      if (node.kind !== "directory") throw new FsError("not-directory");
      if ((await view.list(node)).length > 0) throw new FsError("not-empty");
      view.remove(parent, name, node);
      return null;
    }),
    "unlink-file-at": fallible(async (self, [path]) => {
      const place = await view.find(self.mutable(), path as string, false);
      const node = there(place);
      if (node.kind === "directory") throw new FsError("is-directory");
      if (node.kind !== "regular-file") throw new FsError("not-permitted");
      view.remove(place.parent!, place.name, node);
      return null;
    }),
    "rename-at": fallible(async (self, [from, other, to]) => {
      const target = resourceOf(Descriptor, other);
      await renameAt(
        view,
        await view.find(self.mutable(), from as string, false),
        await view.find(target.mutable(), to as string, false),
      );
      return null;
    }),
    "is-same-object": ({ node }, [other]) => node === resourceOf(Descriptor, other).node,
    "metadata-hash": fallible(({ node }) => hashOf(node)),
    "metadata-hash-at": fallible((self, [flags, path]) => {
      const listed = view.listedIdentity(self.directory(), path as string, follow(flags));
      return listed === null ? found(self, path, follow(flags)).then(hashOf) : hashOfIdentity(listed);
    }),
  };
}

interface Opening {
  readonly path: string;
  readonly follow: boolean;
  readonly how: Flags;
  readonly rights: Flags;
}

async function openAt(view: View, self: Descriptor, { path, follow, how, rights }: Opening): Promise<Native> {
  const { create, directory, exclusive, truncate } = how;
  const { write, mutate_directory: mutate } = rights;
  if (create && directory) throw new FsError("invalid");
  const from = self.directory();
  if (!self.rights.mutate && (create || truncate || write || mutate)) throw new FsError("read-only");
  if (truncate && !write) throw new FsError("invalid");
  const place = await view.find(from, path, follow && !exclusive);
  if (create && exclusive && (place.node !== null || place.parent === null)) throw new FsError("exist");
  let { node } = place;
  if (node === null && create) {
    if (place.mustBeDirectory) throw new FsError("is-directory");
    node = view.create(place.parent!, place.name, "regular-file");
  }
  node = there({ ...place, node });
  if (directory && node.kind !== "directory") throw new FsError("not-directory");
  if (node.kind === "symbolic-link") throw new FsError("loop");
  if (node.kind === "directory") {
    if (write || truncate) throw new FsError("is-directory");
    return new Descriptor(view, node, { read: true, write: false, mutate: self.rights.mutate });
  }
  if (node.kind !== "regular-file") throw new FsError("access");
  if (mutate) throw new FsError("not-directory");
  if (truncate && node.content.size > 0) await view.resize(node, 0n);
  return new Descriptor(view, node, { read: rights["read"] === true || !write, write: write === true, mutate: false });
}

async function renameAt(view: View, from: Place, to: Place): Promise<void> {
  if (from.parent === null || to.parent === null) throw new FsError("invalid");
  const node = there(from);
  if (node.mount !== to.parent.mount) throw new FsError("cross-device");
  if (node.kind !== "regular-file" && node.kind !== "directory") throw new FsError("not-permitted");
  if (to.node === node) return;
  if (node.kind === "regular-file" && to.mustBeDirectory) throw new FsError(to.node ? "is-directory" : "not-directory");
  // As the kernel's own overlay has it: whoever moves directories copies them then.
  if (node.kind === "directory" && node.base !== null) throw new FsError("cross-device");
  if (node.kind === "directory")
    for (let at: DirectoryNode | null = to.parent; at; at = at.parent) if (at === node) throw new FsError("invalid");
  if (to.node !== null) {
    if (to.node.kind === "directory" && node.kind !== "directory") throw new FsError("is-directory");
    if (to.node.kind !== "directory" && node.kind === "directory") throw new FsError("not-directory");
    if (to.node.kind !== "directory" && to.node.kind !== "regular-file") throw new FsError("not-permitted");
    if (to.node.kind === "directory" && (await view.list(to.node)).length > 0) throw new FsError("not-empty");
    view.remove(to.parent, to.name, to.node);
  }
  view.move({ parent: from.parent, name: from.name }, { parent: to.parent, name: to.name }, node);
}

/** The node of a place where there is one of the kind that the path says. */
function there({ node, mustBeDirectory }: Place): Node {
  if (node === null) throw new FsError("no-entry");
  if (mustBeDirectory && node.kind !== "directory") throw new FsError("not-directory");
  return node;
}

function refused(self: Descriptor): never {
  self.mutable();
  throw new FsError("not-permitted");
}

function isFile(node: Node): asserts node is FileNode {
  if (node.kind !== "regular-file") throw new FsError(node.kind === "directory" ? "is-directory" : "unsupported");
}

function statOf(node: Node): Native {
  const time = node.kind === "regular-file" && node.modifiedNs !== null ? datetime(node.modifiedNs) : null;
  return {
    type: node.kind,
    link_count: 1n,
    size: BigInt(
      node.kind === "regular-file" ? node.content.size : node.kind === "symbolic-link" ? Buffer.byteLength(node.target) : 0,
    ),
    data_access_timestamp: time,
    data_modification_timestamp: time,
    status_change_timestamp: time,
  };
}

function hashOf(node: Node): Native {
  return hashOfIdentity(node.kind === "regular-file" && node.dirty ? `${node.identity}\0${node.changes}` : node.identity);
}

function hashOfIdentity(identity: string): Native {
  const digest = createHash("sha256").update(identity).digest();
  return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) };
}

/** An offset as a number. Beyond what any file has it is the end of all files. */
function place(offset: Native | undefined): number {
  if (typeof offset !== "bigint" || offset < 0n) throw new GuestTrap("wasi:filesystem: an offset that is none");
  return offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset);
}
