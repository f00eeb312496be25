/** Open files and directories of one guest. */
import { InputStream, OutputStream } from "../streams.js";
import { Resource } from "../contract.js";
import { StreamClosed, StreamFailed } from "../error.js";
import type { Kind } from "./base.js";
import { FileIoError, FsError } from "./code.js";
import type { DirectoryNode, FileNode, Node } from "./nodes.js";
import type { View } from "./view.js";

export interface Rights {
  /** Of a file: its bytes may be read, or written. */
  readonly read: boolean;
  readonly write: boolean;
  /** Of a directory: names in it and below it may be changed. */
  readonly mutate: boolean;
}

export class Descriptor extends Resource {
  readonly resource = "descriptor";
  readonly node: Node;
  readonly rights: Rights;
  private readonly view: View;

  constructor(view: View, node: Node, rights: Rights) {
    super();
    this.view = view;
    this.node = node;
    this.rights = rights;
    hold(node);
  }

  override drop(): void {
    letGo(this.view, this.node);
  }

  directory(): DirectoryNode {
    if (this.node.kind !== "directory") throw new FsError("not-directory");
    return this.node;
  }

  /** A directory in which names may be changed. */
  mutable(): DirectoryNode {
    const node = this.directory();
    if (!this.rights.mutate) throw new FsError("read-only");
    return node;
  }

  readable(): FileNode {
    if (!this.rights.read) throw new FsError("bad-descriptor");
    return this.file();
  }

  writable(): FileNode {
    const node = this.file();
    if (!node.mount.writable) throw new FsError("read-only");
    if (!this.rights.write) throw new FsError("bad-descriptor");
    return node;
  }

  private file(): FileNode {
    if (this.node.kind === "directory") throw new FsError("is-directory");
    if (this.node.kind !== "regular-file") throw new FsError("unsupported");
    return this.node;
  }
}

function hold(node: Node): void {
  if (node.kind === "regular-file") node.open++;
}

function letGo(view: View, node: Node): void {
  if (node.kind !== "regular-file") return;
  node.open--;
  view.letGo(node);
}

/** A stream outlives the descriptor that it was made from. */
export class FileInput extends InputStream {
  private readonly view: View;
  private readonly file: FileNode;
  private at: number;

  constructor(view: View, file: FileNode, offset: number) {
    super();
    this.view = view;
    this.file = file;
    this.at = offset;
    hold(file);
  }

  async read(length: number): Promise<Uint8Array> {
    const bytes = await streamed(() => this.file.content.read(this.at, length));
    if (bytes.length === 0) throw new StreamClosed();
    this.at += bytes.length;
    return bytes;
  }

  override drop(): void {
    letGo(this.view, this.file);
  }
}

export class FileOutput extends OutputStream {
  private readonly view: View;
  private readonly file: FileNode;
  /** null: each write goes to the end. */
  private at: bigint | null;

  constructor(view: View, file: FileNode, offset: bigint | null) {
    super();
    this.view = view;
    this.file = file;
    this.at = offset;
    hold(file);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await streamed(() => this.view.write(this.file, this.at ?? BigInt(this.file.content.size), bytes));
    if (this.at !== null) this.at += BigInt(bytes.length);
  }

  override drop(): void {
    letGo(this.view, this.file);
  }
}

async function streamed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof FsError ? new StreamFailed(new FileIoError(error.code)) : error;
  }
}

/** The names of a directory as they were when it was opened for reading. */
export class DirectoryEntries extends Resource {
  readonly resource = "directory-entry-stream";
  private readonly entries: readonly (readonly [name: string, kind: Kind])[];
  private next = 0;

  constructor(entries: readonly (readonly [string, Kind])[]) {
    super();
    this.entries = entries;
  }

  entry(): readonly [string, Kind] | null {
    return this.entries[this.next++] ?? null;
  }
}
