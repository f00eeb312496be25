/** What `openings/language/expression.ts` reads, as regular expressions for editors. Without `^` and `$`. */
import { TYPE_NAME } from "../types/registry.js";

export const ID = "[a-z][a-z0-9_]{0,63}";
const GAP = "[ \\t]*";
const LITERAL = '(?:true|false|-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|"(?:[^"\\\\\\u0000-\\u001f]|\\\\.)*")';
const COMPARISON = `(?:==|!=|>=|<=|>|<)${GAP}${LITERAL}`;

export const VARIANT = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";
export const USE = `agent:${ID}(?:@${VARIANT})?|opening:${ID}`;
export const TYPE = `any|${TYPE_NAME.source.replace(/^\^/, "").replace(/\$$/, "")}`;

/** `node.port`, for one node or port of these (patterns of names). */
export const portOf = (node: string, port: string): string => `${GAP}(?:${node})${GAP}\\.${GAP}(?:${port})${GAP}`;
export const sourceOf = (node: string, port: string): string => `${portOf(node, port)}(?:${COMPARISON}${GAP})?`;
const expressionOf = (node: string, port: string): string =>
  `${GAP}exists${GAP}\\(${portOf(node, port)}\\)${GAP}|${portOf(node, port)}${COMPARISON}${GAP}`;

export const PORT = portOf(ID, ID);
export const SOURCE = sourceOf(ID, ID);
export const EXPRESSION = expressionOf(ID, ID);
