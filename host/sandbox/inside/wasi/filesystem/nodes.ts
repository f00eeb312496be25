/** What a guest's view is made of. A node stays itself when it is renamed. */
import type { Kind, OtherKind } from "./base.js";
import type { Content } from "./content.js";
import type { Mount } from "./view.js";

interface Common {
  /** What it is, whatever it is called: where it stands on disk, or the how-manieth thing the guest has made. */
  readonly identity: string;
  readonly mount: Mount;
}

export interface DirectoryNode extends Common {
  readonly kind: "directory";
  /** Its path on disk; null for one that the guest has made. */
  readonly base: string | null;
  parent: DirectoryNode | null;
  /** Empty for a granted directory itself. */
  name: string;
  /** Nothing is found in it or made in it any more. */
  removed: boolean;
  /** By name, null where there is nothing; what is not here has not been looked at. */
  readonly children: Map<string, Node | null>;
  /** The same as it was found on disk. Complete for every name of `children` in a directory of the disk. */
  readonly origin: Map<string, Node | null>;
  /** The names on disk, once they have been listed. */
  listed: {
    readonly entries: readonly (readonly [name: string, kind: Kind])[];
    readonly kinds: ReadonlyMap<string, Kind>;
  } | null;
}

export interface FileNode extends Common {
  readonly kind: "regular-file";
  /** What it is on disk; null for one that the guest has made. */
  readonly base: { readonly version: string; readonly size: number } | null;
  readonly content: Content;
  dirty: boolean;
  /** Grows with every change. */
  changes: number;
  /** Nanoseconds since 1970; null where the grant tells no times. */
  modifiedNs: bigint | null;
  /** Whether it stands in a directory. */
  linked: boolean;
  /** Open descriptors and streams. */
  open: number;
  /** Bytes that it takes of the attempt's quota. */
  charged: number;
}

export interface LinkNode extends Common {
  readonly kind: "symbolic-link";
  readonly target: string;
}

export interface OtherNode extends Common {
  readonly kind: OtherKind;
}

export type Node = DirectoryNode | FileNode | LinkNode | OtherNode;
