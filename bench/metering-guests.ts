/** CPU-bound guests in AssemblyScript, each an exported function `<name>(size: i32): i32`. They allocate as real agents do. */
export const GUEST_SOURCE = `
export function sieve(n: i32): i32 {
  const composite = new Uint8Array(n + 1);
  let count = 0;
  for (let i = 2; i <= n; i++) {
    if (composite[i]) continue;
    count++;
    for (let j = i * 2; j <= n; j += i) composite[j] = 1;
  }
  return count;
}

export function fnv(n: i32): i32 {
  const bytes = new Uint8Array(1024);
  for (let i = 0; i < 1024; i++) bytes[i] = <u8>(i * 7);
  let hash: u32 = 2166136261;
  for (let round = 0; round < n; round++) for (let i = 0; i < 1024; i++) hash = (hash ^ bytes[i]) * 16777619;
  return hash;
}

export function matrix(n: i32): i32 {
  const a = new Float64Array(n * n), b = new Float64Array(n * n), c = new Float64Array(n * n);
  for (let i = 0; i < n * n; i++) { a[i] = <f64>i * 0.5; b[i] = <f64>(n - i); }
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0.0;
      for (let k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
      c[i * n + j] = sum;
    }
  return <i32>c[n + 1];
}

class Cursor { constructor(public text: string, public at: i32) {} }
function skipValue(c: Cursor): i32 {
  let seen = 1;
  const first = c.text.charCodeAt(c.at);
  if (first == 0x7b || first == 0x5b) {
    c.at++;
    while (c.text.charCodeAt(c.at) != 0x7d && c.text.charCodeAt(c.at) != 0x5d) {
      const next = c.text.charCodeAt(c.at);
      if (next == 0x2c || next == 0x3a || next == 0x20) c.at++;
      else seen += skipValue(c);
    }
    c.at++;
  } else if (first == 0x22) {
    c.at++;
    while (c.text.charCodeAt(c.at) != 0x22) c.at++;
    c.at++;
  } else {
    while (c.at < c.text.length) {
      const next = c.text.charCodeAt(c.at);
      if (next == 0x2c || next == 0x7d || next == 0x5d || next == 0x20) break;
      c.at++;
    }
  }
  return seen;
}
export function json(n: i32): i32 {
  const parts = new Array<string>();
  for (let i = 0; i < n; i++) parts.push('{"id": ' + i.toString() + ', "name": "item ' + i.toString() + '", "tags": ["a", "bb", "ccc"], "on": true}');
  const text = "[" + parts.join(",") + "]";
  let seen = 0;
  for (let round = 0; round < 20; round++) seen += skipValue(new Cursor(text, 0));
  return seen;
}

export function strings(n: i32): i32 {
  let total = 0;
  let text = "";
  for (let i = 0; i < n; i++) {
    text += i.toString() + ",";
    if (text.length > 500) {
      total += text.split(",").length + text.indexOf("99") + text.toUpperCase().length;
      text = "";
    }
  }
  return total;
}

export function words(n: i32): i32 {
  const counts = new Map<string, i32>();
  for (let i = 0; i < n; i++) {
    const word = "word" + (i * 7919 % 500).toString();
    counts.set(word, (counts.has(word) ? counts.get(word) : 0) + 1);
  }
  return counts.size;
}

export function fib(n: i32): i32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
`;

/** Sizes at which each guest runs for some tens of milliseconds unmetered. */
export const GUESTS: readonly (readonly [name: string, size: number])[] = [
  ["sieve", 2_000_000],
  ["fnv", 20_000],
  ["matrix", 160],
  ["json", 2_000],
  ["strings", 100_000],
  ["words", 200_000],
  ["fib", 32],
];
