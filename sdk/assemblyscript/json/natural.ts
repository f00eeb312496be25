/** Natural numbers of a fixed greatest size: as much arithmetic as exact conversion between decimal text and doubles needs. */

/**
 * 32-bit words that a number may have. The largest is the divisor of a text with {@link MAX_DIGITS} digits near the smallest
 * double: 10^(800 + 330) is 3,754 bits, aligned to a dividend and doubled once.
 */
const WORDS = 128;

/** Decimal digits after which more make no difference but "and something": the longest exact midpoint of doubles has 768. */
export const MAX_DIGITS = 800;

/** Where sums are made that are only compared. Made when it is needed: most attempts meet no number for which it is. */
let scratch: Natural | null = null;

export class Natural {
  private readonly words: StaticArray<u32> = new StaticArray<u32>(WORDS);
  private used: i32 = 0;

  static of(value: u64): Natural {
    const natural = new Natural();
    natural.words[0] = <u32>value;
    natural.words[1] = <u32>(value >> 32);
    natural.used = value >> 32 ? 2 : value ? 1 : 0;
    return natural;
  }

  get isZero(): bool {
    return this.used == 0;
  }

  /** Position of the highest set bit, from 1; 0 for zero. */
  get bits(): i32 {
    return this.used == 0 ? 0 : this.used * 32 - clz<u32>(this.words[this.used - 1]);
  }

  /** this × factor + addend */
  scale(factor: u32, addend: u32 = 0): void {
    let carry: u64 = addend;
    for (let i = 0; i < this.used; i++) {
      carry += <u64>this.words[i] * <u64>factor;
      this.words[i] = <u32>carry;
      carry >>= 32;
    }
    if (carry) this.words[this.used++] = <u32>carry;
  }

  /** this × 10^exponent */
  scaleTen(exponent: i32): void {
    for (; exponent >= 9; exponent -= 9) this.scale(1000000000);
    for (; exponent > 0; exponent--) this.scale(10);
  }

  /** this × 2^count */
  shift(count: i32): void {
    if (count <= 0 || this.used == 0) return;
    const whole = count >> 5;
    if (whole) {
      for (let i = this.used - 1; i >= 0; i--) this.words[i + whole] = this.words[i];
      for (let i = 0; i < whole; i++) this.words[i] = 0;
      this.used += whole;
    }
    if (count & 31) this.scale(1 << (count & 31));
  }

  compare(other: Natural): i32 {
    if (this.used != other.used) return this.used < other.used ? -1 : 1;
    for (let i = this.used - 1; i >= 0; i--) {
      const a = this.words[i];
      const b = other.words[i];
      if (a != b) return a < b ? -1 : 1;
    }
    return 0;
  }

  /** this + other, compared with a third: -1, 0 or 1. */
  sumCompare(other: Natural, third: Natural): i32 {
    let sum = scratch;
    if (!sum) scratch = sum = new Natural();
    let carry: u64 = 0;
    const length = max(this.used, other.used);
    for (let i = 0; i < length; i++) {
      carry += <u64>(i < this.used ? this.words[i] : 0) + <u64>(i < other.used ? other.words[i] : 0);
      sum.words[i] = <u32>carry;
      carry >>= 32;
    }
    sum.used = length;
    if (carry) sum.words[sum.used++] = <u32>carry;
    return sum.compare(third);
  }

  /** this − other, which must not be greater. */
  subtract(other: Natural): void {
    let borrow: i64 = 0;
    for (let i = 0; i < this.used; i++) {
      borrow += <i64>this.words[i] - <i64>(i < other.used ? other.words[i] : 0);
      this.words[i] = <u32>borrow;
      borrow >>= 32;
    }
    while (this.used > 0 && this.words[this.used - 1] == 0) this.used--;
  }
}
