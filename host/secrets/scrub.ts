/**
 * Takes secrets out of what comes back. This is depth, not the wall: a server that is given a secret can hide it in ways that nobody
 * recognises. The wall is that a secret goes to no host but those that the policy binds it to.
 */
import { setImmediate } from "node:timers/promises";

export interface HeldSecret {
  readonly id: string;
  readonly value: string;
}

/** A value that is shorter would be found by chance, and taking it out would destroy what it stands in. */
export const SHORTEST_SECRET = 8;

export class Scrubber {
  private readonly needles: readonly { readonly find: string; readonly put: string }[];

  constructor(secrets: readonly HeldSecret[]) {
    this.needles = secrets
      .flatMap(({ id, value }) => [...formsOf(value)].map((find) => ({ find, put: `[secret:${id}]` })))
      // The longest first: a part that is taken out of its whole would leave the rest standing.
      .sort((a, b) => b.find.length - a.find.length);
  }

  /** Bytes of the longest form of a secret that is looked for: what is cut before it was scrubbed may end with one less of it. */
  get longest(): number {
    return this.needles.reduce((most, { find }) => Math.max(most, Buffer.byteLength(find)), 0);
  }

  text(text: string): string {
    return this.needles.reduce((left, { find, put }) => (left.includes(find) ? left.replaceAll(find, put) : left), text);
  }

  /**
   * Null where the result is longer than `limit`: what stands for a secret can be longer than the secret, and a server that knows it
   * can say it a million times. Gives the thread back between needles: a body can have megabytes.
   */
  async bytes(bytes: Buffer, limit: number): Promise<Buffer | null> {
    let text = bytes.toString("latin1");
    let changed = false;
    for (const { find, put } of this.needles) {
      if (text.includes(find)) {
        const replaced = replaceWithin(text, find, put, limit);
        if (replaced === null) return null;
        text = replaced;
        changed = true;
      }
      if (text.length > 1 << 18) await setImmediate();
    }
    return changed ? Buffer.from(text, "latin1") : bytes;
  }
}

function replaceWithin(text: string, find: string, put: string, limit: number): string | null {
  const parts: string[] = [];
  let length = text.length;
  let from = 0;
  for (let at = text.indexOf(find); at >= 0; at = text.indexOf(find, from)) {
    length += put.length - find.length;
    if (length > limit && put.length > find.length) return null;
    parts.push(text.slice(from, at), put);
    from = at + find.length;
  }
  return parts.join("") + text.slice(from);
}

/** A secret as it may be echoed: as it is, its parts (`Bearer x`, `user:password`), and these encoded. All forms are ASCII. */
function formsOf(value: string): Set<string> {
  const forms = new Set<string>();
  for (const part of partsOf(value)) for (const form of encodings(part)) if (form.length >= SHORTEST_SECRET) forms.add(form);
  return forms;
}

function partsOf(value: string): Set<string> {
  const parts = new Set([value]);
  const [, scheme = "", rest = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
  if (rest) parts.add(rest);
  if (/^basic$/i.test(scheme)) {
    const pair = Buffer.from(rest, "base64").toString("latin1");
    parts.add(pair).add(pair.slice(pair.indexOf(":") + 1));
  }
  return new Set([...parts].filter((part) => part.length >= SHORTEST_SECRET));
}

function* encodings(text: string): Iterable<string> {
  const bytes = Buffer.from(text, "latin1");
  const hex = bytes.toString("hex");
  yield text;
  yield [...text].reverse().join("");
  yield JSON.stringify(text).slice(1, -1);
  yield JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/");
  yield [...text].join("\0"); // UTF-16, whichever end comes first
  yield text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  yield hex;
  yield hex.toUpperCase();
  const component = encodeURIComponent(text);
  for (const encoded of [component, encodeURI(text), new URLSearchParams([["", text]]).toString().slice(1)]) {
    yield encoded;
    yield encoded.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
    yield encodeURIComponent(encoded); // encoded twice
  }
  yield hex.replace(/../g, "%$&");
  yield hex.toUpperCase().replace(/../g, "%$&");
  // In base64 the neighbours decide how a text begins and ends; only what no neighbour can change is looked for.
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = Math.floor(((before + bytes.length) * 4) / 3);
    const inner = encoded.slice(before === 0 ? 0 : before + 1, whole);
    yield inner;
    yield inner.replaceAll("+", "-").replaceAll("/", "_");
    yield encodeURIComponent(inner);
  }
}
