/** HTML as a browser reads it (parse5), written as Markdown as far as chunking needs it: headings, paragraphs, lists, code. */
import { parse as parseHtml, type DefaultTreeAdapterTypes as Tree } from "parse5";
import type { Extracted } from "#kb/ingest/extract.js";

const SILENT = new Set([
  "script",
  "style",
  "noscript",
  "template",
  "svg",
  "math",
  "iframe",
  "object",
  "head",
  "select",
  "button",
]);
const BLOCKS = new Set(
  "address article aside blockquote dd details div dl dt fieldset figcaption figure footer form header hr li main nav ol p pre section table tr ul h1 h2 h3 h4 h5 h6 body html".split(
    " ",
  ),
);

export function parse(bytes: Uint8Array): Extracted {
  return { ...htmlText(new TextDecoder(charsetOf(bytes)).decode(bytes)), mediaType: "text/markdown" };
}

/** The encoding sniffing of the standard, as far as `meta` goes (https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding). */
function charsetOf(bytes: Uint8Array): string {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 1024));
  const named = /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{2,40})/i.exec(head)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(named).encoding;
  } catch {
    return "utf-8";
  }
}

interface Step {
  readonly node: Tree.Node;
  readonly leaving: boolean;
}

/** With a stack of our own: a page may be nested as deep as it is long. */
export function htmlText(html: string): { readonly text: string; readonly title: string | undefined } {
  const root = parseHtml(html);
  const parts: string[] = [];
  let title: string | undefined;
  let literal = 0;
  const stack: Step[] = [{ node: root, leaving: false }];
  while (stack.length > 0) {
    const { node, leaving } = stack.pop()!;
    const name = node.nodeName;
    if (leaving) {
      if (name === "pre") {
        parts.push("\n```");
        literal--;
      }
      if (BLOCKS.has(name)) parts.push("\n\n");
      continue;
    }
    if ("value" in node) {
      parts.push(literal > 0 ? node.value : flowing(node.value, parts.at(-1) ?? ""));
      continue;
    }
    if (name === "head") title ??= titleOf(node as Tree.Element);
    if (SILENT.has(name) || !("childNodes" in node)) continue;
    if (name === "br") parts.push("\n");
    if ((name === "td" || name === "th") && !(parts.at(-1) ?? "\n").endsWith("\n")) parts.push(" ");
    if (BLOCKS.has(name)) parts.push("\n\n");
    if (/^h[1-6]$/.test(name)) parts.push(`${"#".repeat(Number(name[1]))} `);
    if (name === "li") parts.push("- ");
    if (name === "pre") {
      parts.push("```\n");
      literal++;
    }
    stack.push({ node, leaving: true });
    for (let at = node.childNodes.length - 1; at >= 0; at--) stack.push({ node: node.childNodes[at]!, leaving: false });
  }
  const text = parts
    .join("")
    .replaceAll(/[ \t]+\n/g, "\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
  return { text, title };
}

/** Text as a browser lays it out: spaces made one, none at a line's beginning. */
function flowing(text: string, before: string): string {
  const plain = text.replaceAll(/\s+/g, " ");
  return before === "" || before.endsWith("\n") ? plain.trimStart() : plain;
}

function titleOf(head: Tree.Element): string | undefined {
  const element = head.childNodes.find((child): child is Tree.Element => child.nodeName === "title");
  const text = element?.childNodes.map((child) => ("value" in child ? child.value : "")).join("");
  return text?.replaceAll(/\s+/g, " ").trim() || undefined;
}
