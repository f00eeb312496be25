/** `{{params.x.y}}`: the only computation in the language. A string that is one template becomes the value; inside text it is text. */
import type { Json, JsonObject } from "#core/json.js";
import { isJsonObject } from "#core/json.js";
import { nearest } from "#core/nearest.js";
import { quoted, type Hint } from "./diagnostic.js";
import { openingLimits } from "./limits.js";

export interface TemplateFault {
  /** UTF-16 units into the string. */
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly hint?: Hint;
}
export type Resolved =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly faults: readonly TemplateFault[] };

/** Whether a string holds what only templates begin with. There is no escape: `{{` is always a template. */
export const hasTemplate = (text: string): boolean => text.includes("{{");

/** Fills in templates from one set of parameters, and keeps account of how much it has filled in. */
export class Templates {
  readonly #sizes = new Map<string, number>();
  #spent = 0;
  /** Paths that templates have named, without `params.`, there or not. */
  readonly used = new Set<string>();

  /** `complete` is false where a part of the parameters could not be read: what is missing then is no fault of the template. */
  constructor(
    readonly params: JsonObject,
    readonly complete: boolean,
  ) {}

  resolve(text: string): Resolved {
    if (!hasTemplate(text)) return { ok: true, value: text };
    const faults: TemplateFault[] = [];
    const parts: string[] = [];
    let at = 0;
    let missing = false;
    for (let open = text.indexOf("{{"); open !== -1 && faults.length < FAULTS; open = text.indexOf("{{", at)) {
      parts.push(text.slice(at, open));
      const close = text.indexOf("}}", open + 2);
      if (close === -1) {
        faults.push({ offset: open, length: 2, message: "this template has no `}}`" });
        at = text.length;
        break;
      }
      at = close + 2;
      const found = this.#lookUp(text.slice(open + 2, close).trim());
      const place = { offset: open, length: at - open };
      if (!found.ok) {
        if (found.fault) faults.push({ ...place, ...found.fault });
        else missing = true;
      } else if (!this.#afford(found.path, found.value)) faults.push({ ...place, message: TOO_MUCH });
      else if (open === 0 && at === text.length) return { ok: true, value: found.value };
      else if (typeof found.value === "object") {
        const what = found.value === null ? "null" : Array.isArray(found.value) ? "a list" : "a map";
        const hint = "make the template the whole string to hand the value on as it is";
        faults.push({ ...place, message: `${quoted(found.path)} is ${what}, which has no place inside text`, hint });
      } else parts.push(typeof found.value === "string" ? found.value : JSON.stringify(found.value));
    }
    if (missing || faults.length > 0) return { ok: false, faults };
    return { ok: true, value: parts.join("") + text.slice(at) };
  }

  #lookUp(path: string): { ok: true; path: string; value: Json } | { ok: false; fault: { message: string; hint?: Hint } | null } {
    const steps = path.split(".");
    if (steps[0] !== "params" || steps.length < 2)
      return {
        ok: false,
        fault: { message: `${quoted(path)} is not a parameter`, hint: "a template is {{params.name}}, dots for nested keys" },
      };
    this.used.add(path.slice("params.".length));
    if (!this.complete) return { ok: false, fault: null };
    let value: Json = this.params;
    for (const [depth, step] of steps.entries()) {
      if (depth === 0) continue;
      const so = steps.slice(0, depth).join(".");
      if (!isJsonObject(value)) {
        const what = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
        return { ok: false, fault: { message: `${quoted(path)} is not there: ${quoted(so)} is ${what}` } };
      }
      if (!Object.hasOwn(value, step)) {
        const names = Object.keys(value).slice(0, CANDIDATES);
        const hint = (): string | undefined => {
          const near = nearest(step, names);
          if (near !== undefined) return `did you mean ${quoted(`${so}.${near}`)}?`;
          return names.length === 0 ? "there are no parameters under it" : undefined;
        };
        return { ok: false, fault: { message: `the parameter ${quoted(path)} is not there`, hint } };
      }
      value = value[step] ?? null;
    }
    return { ok: true, path, value };
  }

  // A large parameter that is named ten thousand times would grow to gigabytes once it is written as JSON.
  #afford(path: string, value: Json): boolean {
    let size = this.#sizes.get(path);
    if (size === undefined) this.#sizes.set(path, (size = sizeOf(value)));
    this.#spent += size;
    return this.#spent <= openingLimits.expanded;
  }
}

const CANDIDATES = 2000;
/** Finding the place of each takes time proportional to the string: past these few the rest waits until they are mended. */
const FAULTS = 20;
const TOO_MUCH = `the templates of this file fill in more than ${openingLimits.expanded} values and characters`;

function sizeOf(value: Json): number {
  if (typeof value === "string") return 1 + value.length;
  if (typeof value !== "object" || value === null) return 1;
  let size = 1;
  for (const [key, each] of Object.entries(value)) size += key.length + sizeOf(each);
  return size;
}
