/**
 * A guest's view of the granted directories: the disk as it was met, and over it what the guest has written, made, renamed and removed.
 * Nothing here has any authority: executing a guest again from its journal builds the same view again. Invariants:
 *
 * V1  What was met once stays as it was met, for the whole attempt; a file that changes under it fails to be read (`io`).
 * V2  A link is resolved here, in the view, and never beyond the directory that the path is relative to.
 * V3  Each granted directory is a view of its own, also where one lies in another.
 */
import { CHANGED_BYTES, CHANGES, DEPTH, NAME_BYTES, PATH_BYTES, REPLACED_BYTES } from "../../../../fs/limits.js";
import type { GrantedDirectories } from "../../../../component/contract.js";
import { PARTIAL } from "../../../../fs/path.js";
import { Base, type Ask, type Kind, type Step } from "./base.js";
import { FsError } from "./code.js";
import { Content, PieceCache } from "./content.js";
import type { DirectoryNode, FileNode, Node } from "./nodes.js";

export interface Mount {
  readonly path: string;
  readonly writable: boolean;
  readonly base: Base;
  readonly root: DirectoryNode;
}

/** Where a path leads. */
export interface Place {
  /** null for the directory itself that the path is relative to. */
  readonly parent: DirectoryNode | null;
  readonly name: string;
  /** null where there is nothing. */
  readonly node: Node | null;
  /** The path ends with a slash. */
  readonly mustBeDirectory: boolean;
}

export interface ViewWorld {
  readonly directories: GrantedDirectories;
  readonly ask: Ask;
  /** The guest's own clock in nanoseconds, null where it has none. */
  readonly now: () => bigint | null;
  /** A limit that was met; the guest goes on with an error. */
  readonly met: (name: string, value: number, ceiling: number) => void;
  /** Takes fuel for work that the border does not see; may end the attempt by throwing. */
  readonly pay: (fuel: number) => void;
}

/** For each part of a path, and for each name of a directory that is listed, as often as it is. */
const PART_FUEL = 20;
const NAME_FUEL = 100;

/** POSIX: links in one path. */
const LINKS = 40;
/** Names of listed directories that are kept, of one attempt. */
const LISTED = 500_000;

export class View {
  readonly mounts: readonly Mount[];
  private readonly now: ViewWorld["now"];
  private readonly met: ViewWorld["met"];
  private readonly pay: ViewWorld["pay"];
  private readonly cache = new PieceCache();
  private made = 0;
  private bytes = 0;
  private names = 0;
  private listedNames = 0;

  constructor({ directories, ask, now, met, pay }: ViewWorld) {
    this.now = now;
    this.met = met;
    this.pay = pay;
    this.mounts = directories.map(({ path, writable }) => {
      const mount = { path, writable, base: new Base(ask, path), root: undefined as unknown as DirectoryNode };
      mount.root = this.directory(mount, null, "", "");
      return mount;
    });
  }

  /** Where `path` leads from `from`. Throws `FsError`; that there is nothing under the last name is no error. */
  async find(from: DirectoryNode, path: string, followLast: boolean): Promise<Place> {
    if (path.includes("\0") || !path.isWellFormed()) throw new FsError("illegal-byte-sequence");
    if (Buffer.byteLength(path) > PATH_BYTES) throw new FsError("name-too-long");
    if (path === "" || from.removed) throw new FsError("no-entry");
    if (path.startsWith("/")) throw new FsError("not-permitted");
    const trail: DirectoryNode[] = [from];
    let parts = path.split("/");
    this.pay(PART_FUEL * parts.length);
    const slash = parts.at(-1) === "";
    let links = 0;
    for (let next = 0; next < parts.length;) {
      const at = trail.at(-1)!;
      const name = parts[next]!;
      if (name === "" || name === ".") {
        next++;
        continue;
      }
      if (name === "..") {
        if (trail.length === 1) throw new FsError("not-permitted");
        trail.pop();
        next++;
        continue;
      }
      checkName(name);
      if (trail.length > DEPTH) throw new FsError("name-too-long");
      const node = await this.child(at, parts, next++);
      const more = next < parts.length;
      const last = !parts.some((part, index) => index >= next && part !== "" && part !== ".");
      if (node?.kind === "symbolic-link" && (!last || followLast || more)) {
        if (++links > LINKS) throw new FsError("loop");
        if (node.target.startsWith("/")) throw new FsError("not-permitted");
        if (node.target === "" || node.target.includes("\0")) throw new FsError("no-entry");
        parts = [...node.target.split("/"), ...parts.slice(next)];
        next = 0;
        // Hundreds of links with long texts would make a path that nobody could have given.
        if (parts.length > PATH_BYTES) throw new FsError("name-too-long");
        this.pay(PART_FUEL * parts.length);
        continue;
      }
      if (last && node?.kind !== "directory") return { parent: at, name, node, mustBeDirectory: slash || more };
      if (node === null) throw new FsError("no-entry");
      if (node.kind !== "directory") throw new FsError("not-directory");
      if (last) return { parent: at, name, node, mustBeDirectory: true };
      trail.push(node);
    }
    const node = trail.at(-1)!;
    return { parent: null, name: "", node, mustBeDirectory: true };
  }

  /** What stands under name `at` of a path in a directory; the names behind it only say where the path goes on, and save asking twice. */
  private async child(directory: DirectoryNode, names: readonly string[], at: number): Promise<Node | null> {
    const name = names[at]!;
    const known = directory.children.get(name);
    if (known !== undefined) return known;
    if (directory.base === null) return null;
    if (directory.listed && !directory.listed.kinds.has(name)) {
      directory.origin.set(name, null);
      directory.children.set(name, null);
      return null;
    }
    await this.load(directory, directory.base, plainStart(names.slice(at)));
    return directory.children.get(name) ?? null;
  }

  private async load(directory: DirectoryNode, base: string, names: readonly string[]): Promise<void> {
    const { mount } = directory;
    const depth = base === "" ? 0 : base.split("/").length;
    const steps = await mount.base.steps([...(depth === 0 ? [] : [base]), ...names].join("/"));
    // It stood there before; that it does not now is V1's business.
    if (steps.length < depth || steps.slice(0, depth).some((step) => !("kind" in step) || step.kind !== "directory"))
      throw new FsError("io");
    let at = directory;
    let path = base;
    for (const [index, name] of names.entries()) {
      const step = steps[depth + index];
      if (!step) return;
      path = path === "" ? name : `${path}/${name}`;
      if ("error" in step && step.error !== "no-entry") {
        if (index === 0) throw new FsError(step.error);
        return;
      }
      if (!at.children.has(name)) {
        const node = "error" in step ? null : this.nodeOf(at, name, path, step);
        at.origin.set(name, node);
        at.children.set(name, node);
      }
      const next = at.children.get(name) ?? null;
      if (next?.kind !== "directory" || next.base !== path) return;
      at = next;
    }
  }

  private nodeOf(parent: DirectoryNode, name: string, path: string, step: Exclude<Step, { error: unknown }>): Node {
    const { mount } = parent;
    const identity = onDisk(mount, path);
    switch (step.kind) {
      case "directory":
        return this.directory(mount, parent, name, path);
      case "regular-file": {
        const { size, version, modified_ms: modified } = step;
        return {
          kind: "regular-file",
          identity,
          mount,
          base: { version, size },
          content: new Content(this.cache, size, (offset, length) => mount.base.read(path, version, offset, length)),
          dirty: false,
          changes: 0,
          modifiedNs: modified === undefined ? null : BigInt(modified) * 1_000_000n,
          linked: true,
          open: 0,
          charged: 0,
        };
      }
      case "symbolic-link":
        return { kind: "symbolic-link", identity, mount, target: step.target };
      default:
        return { kind: step.kind, identity, mount };
    }
  }

  private directory(mount: Mount, parent: DirectoryNode | null, name: string, base: string | null): DirectoryNode {
    return {
      kind: "directory",
      identity: base === null ? `made ${this.made++}` : onDisk(mount, base),
      mount,
      base,
      parent,
      name,
      removed: false,
      children: new Map(),
      origin: new Map(),
      listed: null,
    };
  }

  /** The identity of a name that was listed and not looked at since: no file has to be opened to tell it. */
  listedIdentity(directory: DirectoryNode, name: string, followLast: boolean): string | null {
    const { base, listed, children, mount } = directory;
    const kind = base === null || children.has(name) ? undefined : listed?.kinds.get(name);
    if (kind === undefined || (kind === "symbolic-link" && followLast)) return null;
    return onDisk(mount, base === "" ? name : `${base}/${name}`);
  }

  /** Names and kinds, sorted by the names' bytes. */
  async list(directory: DirectoryNode): Promise<readonly (readonly [name: string, kind: Kind])[]> {
    if (directory.base !== null && !directory.listed) {
      const found = await directory.mount.base.list(directory.base, LISTED - this.listedNames);
      this.listedNames += found.length;
      directory.listed = { entries: found, kinds: new Map(found) };
    }
    this.pay(NAME_FUEL * ((directory.listed?.entries.length ?? 0) + directory.children.size));
    const met: Entry[] = [];
    for (const [name, node] of directory.children) if (node) met.push([name, node.kind]);
    const rest = (directory.listed?.entries ?? []).filter(([name]) => !directory.children.has(name));
    return merged(rest, met.sort(byBytes));
  }

  /** A file or a directory that was not there. */
  create(parent: DirectoryNode, name: string, kind: "directory" | "regular-file"): Node {
    checkPlace(parent, name);
    this.count();
    const node: Node =
      kind === "directory"
        ? this.directory(parent.mount, parent, name, null)
        : {
            kind,
            identity: `made ${this.made++}`,
            mount: parent.mount,
            base: null,
            content: new Content(this.cache, 0, null),
            dirty: true,
            changes: 0,
            modifiedNs: this.now(),
            linked: true,
            open: 0,
            charged: 0,
          };
    parent.children.set(name, node);
    return node;
  }

  /** Takes a name away. The caller has made sure that it may go. */
  remove(parent: DirectoryNode, name: string, node: FileNode | DirectoryNode): void {
    if (node.kind === "regular-file") {
      mayGo(node);
      node.linked = false;
    }
    // What the guest itself has made leaves no trace; what it has changed counts already.
    if (node.base === null) this.names--;
    else if (node.kind === "directory" || !node.dirty) this.count();
    parent.children.set(name, null);
    if (node.kind === "regular-file") this.letGo(node);
    else node.removed = true;
  }

  /** Puts a node under another name. What stood there has been removed. */
  move(
    from: { parent: DirectoryNode; name: string },
    to: { parent: DirectoryNode; name: string },
    node: FileNode | DirectoryNode,
  ): void {
    checkPlace(to.parent, to.name);
    if (node.kind === "directory") checkBelow(node, pathOf(to.parent, to.name));
    if (node.kind === "regular-file" && node.base !== null) {
      this.touch(node, node.content.size);
      this.count(); // under its old name and under its new one
    }
    from.parent.children.set(from.name, null);
    to.parent.children.set(to.name, node);
    if (node.kind !== "directory") return;
    node.parent = to.parent;
    node.name = to.name;
  }

  async write(file: FileNode, offset: bigint, bytes: Uint8Array): Promise<void> {
    const end = offset + BigInt(bytes.length);
    if (end > BigInt(CHANGED_BYTES)) throw this.bite("file_bytes", Number(end), CHANGED_BYTES, "quota");
    this.touch(file, Math.max(file.content.size, Number(end)));
    await file.content.write(Number(offset), bytes);
  }

  async resize(file: FileNode, size: bigint): Promise<void> {
    if (size > BigInt(CHANGED_BYTES)) throw this.bite("file_bytes", Number(size), CHANGED_BYTES, "quota");
    this.touch(file, Number(size));
    await file.content.resize(Number(size));
  }

  /** The file becomes the attempt's own: all of its bytes count, since it is written back as a whole. */
  private touch(file: FileNode, size: number): void {
    mayGo(file);
    const total = this.bytes - file.charged + size;
    if (total > CHANGED_BYTES) throw this.bite("file_bytes", total, CHANGED_BYTES, "quota");
    if (!file.dirty) this.count();
    this.bytes = total;
    file.charged = size;
    file.dirty = true;
    file.changes++;
    file.modifiedNs = this.now();
  }

  /** A file that nobody can reach any more takes no room. */
  letGo(file: FileNode): void {
    if (file.linked || file.open > 0) return;
    this.bytes -= file.charged;
    file.charged = 0;
  }

  private count(): void {
    if (this.names >= CHANGES) throw this.bite("file_changes", this.names + 1, CHANGES, "quota");
    this.names++;
  }

  private bite(name: string, value: number, ceiling: number, code: "quota"): FsError {
    this.met(name, value, ceiling);
    return new FsError(code);
  }
}

const onDisk = (mount: Mount, path: string): string => `disk ${mount.path}\0${path}`;

/** To replace or remove a file, its digest has to be taken first. */
function mayGo({ base }: FileNode): void {
  if (base && base.size > REPLACED_BYTES) throw new FsError("file-too-large");
}

function checkName(name: string): void {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new FsError("name-too-long");
}

/** What is made must be a path that the control process takes: longer than one call's path it can become step by step. */
function checkPlace(parent: DirectoryNode, name: string): void {
  if (PARTIAL.test(name)) throw new FsError("not-permitted");
  checkPath(pathOf(parent, name));
}

function checkPath(path: string): void {
  if (Buffer.byteLength(path) > PATH_BYTES || path.split("/").length > DEPTH) throw new FsError("name-too-long");
}

/** A directory that the guest has made takes everything in it along. */
function checkBelow(directory: DirectoryNode, path: string): void {
  for (const [name, node] of directory.children) {
    if (!node) continue;
    checkPath(`${path}/${name}`);
    if (node.kind === "directory") checkBelow(node, `${path}/${name}`);
  }
}

/** The names up to the first that is no plain one. */
function plainStart(names: readonly string[]): readonly string[] {
  const end = names.findIndex((name) => name === "" || name === "." || name === ".." || Buffer.byteLength(name) > NAME_BYTES);
  return end < 0 ? names : names.slice(0, end);
}

/** The path of a name below its granted directory. */
export function pathOf(parent: DirectoryNode, name: string): string {
  const names = [name];
  for (let at = parent; at.parent !== null; at = at.parent) names.unshift(at.name);
  return names.join("/");
}

type Entry = readonly [name: string, kind: Kind];
/** As the bytes of UTF-8 compare, which is not how UTF-16 does. */
const byBytes = ([a]: Entry, [b]: Entry): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function merged(a: readonly Entry[], b: readonly Entry[]): readonly Entry[] {
  if (b.length === 0) return a;
  const out: Entry[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;)
    out.push(j >= b.length || (i < a.length && byBytes(a[i]!, b[j]!) < 0) ? a[i++]! : b[j++]!);
  return out;
}
