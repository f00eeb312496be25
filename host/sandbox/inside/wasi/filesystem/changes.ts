/** What an attempt leaves otherwise than it found it: the difference between the view and the disk, name by name. */
import type { Digest } from "#core/digest.js";
import type { GuestChange } from "../../../../component/contract.js";
import type { DirectoryNode, FileNode, Node } from "./nodes.js";
import type { View } from "./view.js";

/** Hands over a piece of a file; gives what it is called. */
export type StorePiece = (piece: Uint8Array) => Promise<Digest>;

/** Sorted by directory and path; empty where nothing has changed. */
export async function changesOf(view: View, store: StorePiece): Promise<readonly GuestChange[]> {
  const changes: GuestChange[] = [];
  for (const { path: dir, root } of view.mounts) {
    const before = new Map<string, Node>();
    const after = new Map<string, Node>();
    gather(root, "", ({ origin }) => origin, before);
    gather(root, "", ({ children }) => children, after);
    for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
      const [was, is] = [before.get(path), after.get(path)];
      if (was === is && !(is?.kind === "regular-file" && is.dirty)) continue;
      if (was?.kind === "directory" && is?.kind === "directory") continue;
      changes.push({ dir, path, before: found(was), after: await left(is, store) });
    }
  }
  return changes;
}

/** Every name that was met. Directories of the disk that are gone from the view are still gone through: what was in them is gone, too. */
function gather(
  directory: DirectoryNode,
  prefix: string,
  of: (directory: DirectoryNode) => ReadonlyMap<string, Node | null>,
  into: Map<string, Node>,
): void {
  for (const [name, node] of of(directory)) {
    if (!node) continue;
    const path = prefix === "" ? name : `${prefix}/${name}`;
    into.set(path, node);
    if (node.kind === "directory") gather(node, path, of, into);
  }
}

/** Links and what else is no file never change: the view refuses it. */
const found = (node: Node | undefined): GuestChange["before"] =>
  node === undefined
    ? null
    : node.kind === "directory"
      ? { kind: "directory" }
      : { kind: "file", version: (node as FileNode).base!.version };

async function left(node: Node | undefined, store: StorePiece): Promise<GuestChange["after"]> {
  if (node === undefined) return null;
  if (node.kind === "directory") return { kind: "directory" };
  const { content } = node as FileNode;
  const pieces: Digest[] = [];
  for await (const piece of content.pieces()) pieces.push(await store(piece));
  return { kind: "file", size: content.size, pieces };
}
