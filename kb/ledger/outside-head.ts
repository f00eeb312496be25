/**
 * The ledger's last row, noted in a file of its own away from the database: whoever cuts the ledger short, or puts an old copy of it in
 * its place, and cannot write there, is found out. Written after each commit and not synced: after a loss of power it may be behind
 * the ledger, never before it.
 */
import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "#core/folder.js";
import { guarded } from "../errors.js";

export interface NotedHead {
  readonly id: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
}

const LINE = /^(\d{1,16}) ([0-9a-f]{64}) *\n$/;
/** Each note is as long as every other: one write replaces it. */
const BYTES = 82;

/** Null where there is none, `unreadable` where what stands there is no note. */
export function readOutsideHead(file: string): NotedHead | null | "unreadable" {
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ENOENT" ? null : "unreadable";
  }
  if (text === "") return null;
  const found = LINE.exec(text);
  return found ? { id: Number(found[1]), hash: found[2]! } : "unreadable";
}

export class OutsideHead {
  readonly #file: string;
  #descriptor: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  write({ id, hash }: NotedHead): void {
    guarded(this.#file, "note the ledger's head", () => {
      this.#descriptor ??= this.#open();
      writeSync(this.#descriptor, `${`${id} ${hash}`.padEnd(BYTES - 1)}\n`, 0, "latin1");
    });
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** A link in its place is not followed. */
  #open(): number {
    makeFolder(dirname(this.#file));
    const descriptor = openSync(this.#file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    fsyncSync(descriptor);
    return descriptor;
  }
}
