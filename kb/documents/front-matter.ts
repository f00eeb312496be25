/** The block of YAML at the head of many Markdown files. What it says is believed only as far as it fits; it never fails a document. */
import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import { isJsonObject } from "#core/json.js";

/** With the first block: most documents have none, and whoever only searches reads none. */
const yaml = (): typeof Yaml => createRequire(import.meta.url)("yaml") as typeof Yaml;

export interface FrontMatter {
  readonly title?: string;
  readonly tags?: readonly string[];
  readonly domain?: string;
}

const LIMIT = 8192;
/** What a domain may be called: it becomes part of a label, `private:<domain>`. */
export const DOMAIN = /^[a-z][a-z0-9_-]{0,63}$/;

export function frontMatter(text: string): { readonly matter: FrontMatter; readonly body: string } {
  const block = /^---[ \t]*\n([\s\S]*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)/.exec(text.slice(0, LIMIT));
  if (!block) return { matter: {}, body: text };
  const body = text.slice(block[0].length);
  const { parse } = yaml();
  let value: unknown;
  try {
    value = parse(block[1]!, { maxAliasCount: 0, schema: "failsafe" });
  } catch {
    return { matter: {}, body };
  }
  if (!isJsonObject(value)) return { matter: {}, body };
  const { title, tags, domain } = value;
  const list = typeof tags === "string" ? tags.split(",") : Array.isArray(tags) ? tags : [];
  const named = list
    .filter((tag): tag is string => typeof tag === "string")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  return {
    matter: {
      ...(typeof title === "string" && title.trim() !== "" && { title: title.trim().slice(0, 300) }),
      ...(named.length > 0 && { tags: named.slice(0, 64) }),
      ...(typeof domain === "string" && DOMAIN.test(domain) && { domain }),
    },
    body,
  };
}
