/**
 * One digest over everything that is answered inside the sandbox process, in order, with the fuel at which it was asked. Those answers
 * follow from the seed and the fuel; so a replay can tell that they were the same without anything having been recorded.
 */
import { createHash, type Hash } from "node:crypto";
import { Resource, type Native } from "./wasi/contract.js";

/** What comes next, so that no two sequences of values give the same bytes. */
const TAG = { call: 1, null: 2, false: 3, true: 4, number: 5, bigint: 6, text: 7, bytes: 8, list: 9, record: 10, handle: 11 };

/** Gathered before it is hashed: most entries are a few bytes, and a call of the hash costs as much as hundreds of them. */
const GATHERED = 1024;
const ENTRY = 9;

/** Of the transcript of an attempt for which nothing was answered here. */
const OF_NOTHING = createHash("sha256").digest("hex");

export class Transcript {
  /** Made when there is something to hash, which for many attempts there never is. */
  private hash: Hash | null = null;
  private readonly fuel: () => number;
  /** Made when it is first needed: thousands of attempts wait without ever asking for anything. */
  private gathered: Buffer | null = null;
  private filled = 0;

  constructor(fuel: () => number) {
    this.fuel = fuel;
  }

  call(name: string, args: readonly Native[]): void {
    this.number(TAG.call, this.fuel());
    this.text(name);
    this.value(args);
  }

  value(value: Native): void {
    if (value === null) return this.number(TAG.null, 0);
    if (value instanceof Uint8Array) {
      this.number(TAG.bytes, value.length);
      this.bytes(value);
    } else if (value instanceof Resource)
      // Of which resource follows from the function.
      this.number(TAG.handle, 0);
    else if (Array.isArray(value)) {
      const items = value as readonly Native[];
      this.number(TAG.list, items.length);
      for (const item of items) this.value(item);
    } else
      switch (typeof value) {
        case "string":
          return this.text(value);
        case "boolean":
          return this.number(value ? TAG.true : TAG.false, 0);
        case "number":
          return this.number(TAG.number, value);
        case "bigint": {
          const [room, at] = this.room();
          room[at] = TAG.bigint;
          room.writeBigInt64LE(BigInt.asIntN(64, value), at + 1);
          return;
        }
        default: {
          const members = Object.entries(value as { readonly [member: string]: Native });
          this.number(TAG.record, members.length);
          for (const [name, member] of members) {
            this.text(name);
            this.value(member);
          }
        }
      }
  }

  /** SHA-256 of all of it, 64 hexadecimal digits. Ends the transcript. */
  digest(): string {
    this.flush();
    return this.hash?.digest("hex") ?? OF_NOTHING;
  }

  private text(text: string): void {
    const bytes = Buffer.from(text);
    this.number(TAG.text, bytes.length);
    this.bytes(bytes);
  }

  private number(tag: number, value: number): void {
    const [room, at] = this.room();
    room[at] = tag;
    room.writeDoubleLE(value, at + 1);
  }

  private bytes(bytes: Uint8Array): void {
    if (this.filled + bytes.length > GATHERED) this.flush();
    if (bytes.length > GATHERED) this.update(bytes);
    else {
      this.gathered!.set(bytes, this.filled);
      this.filled += bytes.length;
    }
  }

  /** Where the next entry goes. */
  private room(): [Buffer, number] {
    this.gathered ??= Buffer.allocUnsafe(GATHERED);
    if (this.filled + ENTRY > GATHERED) this.flush();
    this.filled += ENTRY;
    return [this.gathered, this.filled - ENTRY];
  }

  private flush(): void {
    if (this.gathered && this.filled > 0) this.update(this.gathered.subarray(0, this.filled));
    this.filled = 0;
  }

  private update(bytes: Uint8Array): void {
    this.hash ??= createHash("sha256");
    this.hash.update(bytes);
  }
}
