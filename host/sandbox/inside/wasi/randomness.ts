/** Random bytes that follow from a seed: the key stream of AES-256 in counter mode, the same on every machine and version. */
import { createCipheriv, type Cipheriv } from "node:crypto";

export class SeededRandom {
  private readonly seed: string;
  private stream: Cipheriv | null = null;

  /** `seed`: 64 hexadecimal digits. */
  constructor(seed: string) {
    this.seed = seed;
  }

  bytes(length: number): Buffer {
    this.stream ??= createCipheriv("aes-256-ctr", Buffer.from(this.seed, "hex"), Buffer.alloc(16));
    return this.stream.update(Buffer.alloc(length));
  }

  u64(): bigint {
    return this.bytes(8).readBigUInt64LE(0);
  }
}
