/** The YAML document of a file in brace form. Its comments go to the statement that they stand in, before, or behind on one line. */
import { Document, isSeq, Pair, Scalar, type Node, type YAMLMap, type YAMLSeq } from "yaml";
import type { BraceFile } from "../language/brace/parse.js";
import type { Comment } from "../language/brace/lex.js";
import type { Tree } from "../language/tree.js";

interface Statement {
  readonly start: number;
  readonly end: number;
  /** Where its comments go: a key, or the element of a list. */
  readonly node: Node;
}

export function documentOf({ tree, comments }: BraceFile, text: string): Document {
  const document = new Document({}, { aliasDuplicateObjects: false });
  const root = document.createNode({}) as YAMLMap;
  document.contents = root;
  const statements: Statement[] = [];
  if (tree.kind === "map")
    for (const { key, keySpan, value } of tree.entries) {
      const made = nodeOf(value, document, key === "nodes" ? 2 : 0);
      const name = new Scalar(key);
      root.items.push(new Pair(name, made));
      if (key === "version" && keySpan.start === value.span.start) continue; // nobody wrote it
      const listed = key === "nodes" || key === "edges";
      const end = listed ? keySpan.end : value.span.end;
      statements.push({ start: keySpan.start, end, node: name });
      if (listed && value.kind === "list" && isSeq(made))
        for (const [index, item] of value.items.entries())
          statements.push({ start: item.span.start, end: item.span.end, node: (made as YAMLSeq).items[index] as Node });
    }
  attach(document, statements, comments, text);
  return document;
}

/** `open`: not on one line, whether or not it fits. */
function nodeOf(tree: Tree, document: Document, open = 0): Node {
  switch (tree.kind) {
    case "list": {
      const list = document.createNode([]) as YAMLSeq;
      list.items = tree.items.map((item) => nodeOf(item, document, open - 1));
      list.flow = open <= 0;
      return list;
    }
    case "map": {
      const map = document.createNode({}) as YAMLMap;
      map.items = tree.entries.map(({ key, value }) => new Pair(new Scalar(key), nodeOf(value, document)));
      map.flow = open <= 0;
      return map;
    }
    case "scalar":
      return new Scalar(tree.value);
    case "broken":
      return new Scalar(null); // the file was refused before
  }
}

function attach(document: Document, given: readonly Statement[], comments: readonly Comment[], text: string): void {
  const statements = given.toSorted((a, b) => a.start - b.start);
  const before = new Map<Node, string[]>();
  const rest: string[] = [];
  const head: string[] = [];
  let at = 0;
  for (const { start, first, text: said } of comments) {
    while (at < statements.length && (statements[at]?.end ?? 0) <= start) at++;
    const last = statements[at - 1];
    const sameLine = !first && last !== undefined && !text.slice(last.end, start).includes("\n");
    const owner = sameLine ? last : statements[at];
    if (statements.length === 0 || start < (statements[0]?.start ?? 0)) head.push(said);
    else if (!owner) rest.push(said);
    else before.set(owner.node, [...(before.get(owner.node) ?? []), said]);
  }
  for (const [node, lines] of before) node.commentBefore = lines.join("\n");
  if (head.length > 0) document.commentBefore = head.join("\n");
  if (rest.length > 0) document.comment = rest.join("\n");
}
