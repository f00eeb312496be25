/**
 * Doubles from and to decimal text, exactly as JavaScript has it: the nearest double (ties to even), and the shortest digits
 * that read back as the same double. The compiler's own library is close, but not exact in either direction.
 */
import { Text } from "../text";
import { MAX_DIGITS, Natural } from "./natural";

/** Powers of ten that a double holds exactly. */
const exactTens: StaticArray<f64> = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
const EXACT_INTEGER: u64 = 1 << 53;

/** The double of a JSON number that stands at `start`…`end` of a text; the grammar has been checked. */
export function parseDecimal(text: string, start: i32, end: i32): f64 {
  let at = start;
  const negative = text.charCodeAt(at) == 0x2d;
  if (negative) at++;

  // value = digits × 10^exponent, digits without leading zeros
  const first = at;
  let small: u64 = 0;
  let count = 0;
  let exponent = 0;
  let point = false;
  for (; at < end; at++) {
    const unit = <u32>text.charCodeAt(at);
    if (unit == 0x2e) {
      point = true;
      continue;
    }
    if (unit < 0x30 || unit > 0x39) break;
    if (point) exponent--;
    if (unit == 0x30 && count == 0) continue;
    if (count++ < 19) small = small * 10 + (unit - 0x30);
  }
  const last = at;
  exponent += parseExponent(text, at, end);

  const magnitude = count == 0 ? 0 : nearest64(text, first, last, small, count, exponent);
  return negative ? -magnitude : magnitude;
}

/** `e±d…`, or 0 where nothing stands; held within ±100,000, far beyond what a double knows and what a text can make up for. */
function parseExponent(text: string, at: i32, end: i32): i32 {
  if (at >= end) return 0;
  let sign = 1;
  let value = 0;
  for (at++; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit == 0x2d) sign = -1;
    else if (unit != 0x2b && value < 10000000) value = value * 10 + (unit - 0x30);
  }
  return sign * value;
}

function nearest64(text: string, first: i32, last: i32, small: u64, count: i32, exponent: i32): f64 {
  if (count + exponent > 310) return Infinity;
  if (count + exponent < -330) return 0;
  if (count <= 19 && small <= EXACT_INTEGER) {
    // Both operands are exact, so one correctly rounded operation gives the nearest double (Clinger 1990).
    if (exponent >= 0 && exponent <= 22) return <f64>small * exactTens[exponent];
    if (exponent < 0 && exponent >= -22) return <f64>small / exactTens[-exponent];
  }
  const numerator = Natural.of(0);
  let taken = 0;
  let more = false;
  for (let at = first; at < last; at++) {
    const unit = <u32>text.charCodeAt(at);
    if (unit == 0x2e || (unit == 0x30 && taken == 0)) continue;
    if (taken < MAX_DIGITS) {
      numerator.scale(10, unit - 0x30);
      taken++;
    } else if (unit != 0x30) more = true;
  }
  exponent += count - taken;
  if (more) {
    // Whatever the digits are that do not fit, all they can do is lift the value above a tie.
    numerator.scale(10, 1);
    exponent--;
  }
  const denominator = Natural.of(1);
  if (exponent >= 0) numerator.scaleTen(exponent);
  else denominator.scaleTen(-exponent);
  return divide(numerator, denominator);
}

/** The double nearest to numerator / denominator, by long division bit by bit. Both are used up. */
function divide(numerator: Natural, denominator: Natural): f64 {
  // numerator / denominator = q × 2^power with 1 ≤ q < 2
  let power = numerator.bits - denominator.bits;
  if (power > 0) denominator.shift(power);
  else numerator.shift(-power);
  if (numerator.compare(denominator) < 0) {
    numerator.shift(1);
    power--;
  }
  if (power > 1023) return Infinity;
  // Below 2^-1022 the last bit stays at 2^-1074, so fewer bits are left.
  const bits = min(53, power + 1075);
  if (bits < 0) return 0;
  let mantissa: u64 = 0;
  for (let i = 0; i < bits; i++) {
    mantissa <<= 1;
    if (numerator.compare(denominator) >= 0) {
      mantissa |= 1;
      numerator.subtract(denominator);
    }
    numerator.shift(1);
  }
  const half = numerator.compare(denominator);
  if (half > 0 || (half == 0 && mantissa & 1)) mantissa++;
  // A mantissa that was rounded up to the next power of two carries into the exponent, which is what it should do.
  const raw = bits < 53 ? mantissa : (<u64>(power + 1022) << 52) + mantissa;
  return reinterpret<f64>(raw);
}

/** As `JSON.stringify` writes a number: `null` for what is no number. */
export function formatNumber(value: f64): string {
  if (!isFinite(value)) return "null";
  if (value == 0) return "0";
  const out = new Text();
  if (value < 0) out.unit(0x2d);
  const magnitude = abs(value);
  if (magnitude < <f64>EXACT_INTEGER && Math.floor(magnitude) == magnitude) {
    return out.add((<u64>magnitude).toString()).toString();
  }
  const digits = new Text();
  const point = shortest(magnitude, digits);
  layOut(out, digits.toString(), point);
  return out.toString();
}

/**
 * The shortest digits that read back as `value`, and of those the nearest; gives where the decimal point stands: value =
 * 0.digits × 10^point. Burger and Dybvig, "Printing Floating-Point Numbers Quickly and Accurately" (1996), free format.
 */
function shortest(value: f64, digits: Text): i32 {
  const raw = reinterpret<u64>(value);
  const biased = <i32>(raw >> 52);
  const fraction = raw & 0xfffffffffffff;
  const mantissa = biased ? fraction | 0x10000000000000 : fraction;
  const power = (biased ? biased : 1) - 1075;
  // A reader that takes ties to even takes both ends of an even number's interval.
  const closed = (mantissa & 1) == 0;
  // Below a power of two the neighbour is half as far away as above it.
  const narrow = fraction == 0 && biased > 1;

  // value = r / s; low and high = half the distance to the neighbours, over the same s
  const r = Natural.of(mantissa);
  const s = Natural.of(1);
  const low = Natural.of(1);
  const high = Natural.of(1);
  r.shift(max(power, 0) + (narrow ? 2 : 1));
  s.shift(max(-power, 0) + (narrow ? 2 : 1));
  low.shift(max(power, 0));
  high.shift(max(power, 0) + (narrow ? 1 : 0));

  // An estimate of ⌈log10 value⌉ that is never too large, one too small at most.
  const log2 = power + 63 - <i32>clz<u64>(mantissa);
  let point = <i32>Math.ceil(<f64>log2 * 0.3010299956639812 - 1e-10);
  if (point >= 0) s.scaleTen(point);
  else {
    r.scaleTen(-point);
    low.scaleTen(-point);
    high.scaleTen(-point);
  }
  if (above(r, high, s, closed)) point++;
  else {
    r.scale(10);
    low.scale(10);
    high.scale(10);
  }

  while (true) {
    let digit: u32 = 0;
    while (r.compare(s) >= 0) {
      r.subtract(s);
      digit++;
    }
    const below = r.compare(low);
    const atLow = closed ? below <= 0 : below < 0;
    const atHigh = above(r, high, s, closed);
    if (atLow || atHigh) {
      const half = r.sumCompare(r, s);
      // Of two digits that are equally near, ECMA-262 takes the even one.
      const up = atLow && atHigh ? half > 0 || (half == 0 && digit & 1) : atHigh;
      digits.unit(0x30 + digit + (up ? 1 : 0));
      return point;
    }
    digits.unit(0x30 + digit);
    r.scale(10);
    low.scale(10);
    high.scale(10);
  }
}

/** Whether r + high reaches s. */
function above(r: Natural, high: Natural, s: Natural, closed: bool): bool {
  const sum = r.sumCompare(high, s);
  return closed ? sum >= 0 : sum > 0;
}

/** ECMA-262, Number::toString, steps 6 to 10. */
function layOut(out: Text, digits: string, point: i32): void {
  const count = digits.length;
  if (count <= point && point <= 21) {
    out.add(digits).add("0".repeat(point - count));
  } else if (0 < point && point <= 21) {
    out.slice(digits, 0, point).unit(0x2e).slice(digits, point, count);
  } else if (-6 < point && point <= 0) {
    out.add("0.").add("0".repeat(-point)).add(digits);
  } else {
    out.slice(digits, 0, 1);
    if (count > 1) out.unit(0x2e).slice(digits, 1, count);
    out.add(point > 0 ? "e+" : "e-").add(abs(point - 1).toString());
  }
}
