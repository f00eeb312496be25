/** Keys that change places must not take an alias in front of its anchor, or an anchor's name to another alias. */
import { isAlias, isPair, isCollection, isMap, type Alias, type Document, type Node, type Pair } from "yaml";

/** Call it before things move; what it returns, afterwards: whatever comes first then holds the value, and later ones repeat it. */
export function keepAliases(document: Document): () => void {
  const means = new Map<Alias, Node>();
  const named = new Map<string, Node>();
  walk(document.contents, (node) => {
    if (isAlias(node)) {
      const target = named.get(node.source);
      if (target) means.set(node, target);
    } else if (anchorOf(node) !== undefined) named.set(anchorOf(node) ?? "", node);
    return node;
  });
  return () => {
    const repeated = new Set(means.values());
    // An anchor that nothing repeats says nothing, and its name may be one that cannot be written.
    walk(document.contents, (node) => {
      if (anchorOf(node) !== undefined && !repeated.has(node)) delete (node as Anchored).anchor;
      return node;
    });
    if (means.size > 0) place(document, means, repeated);
  };
}

type Anchored = Node & { anchor?: string };
const anchorOf = (node: Node): string | undefined => (node as Anchored).anchor;

function place(document: Document, means: ReadonlyMap<Alias, Node>, repeated: ReadonlySet<Node>): void {
  const placed = new Map<Node, string>();
  const spare = new Map<Node, Alias>();
  for (const [alias, target] of means) spare.set(target, alias);
  const names = new Set<string>();
  document.contents = walk(document.contents, (node) => {
    const target = isAlias(node) ? means.get(node) : repeated.has(node) ? node : undefined;
    if (!target) return node;
    const name = placed.get(target);
    const alias = isAlias(node) ? node : spare.get(target);
    if (name !== undefined && alias) {
      alias.source = name;
      return alias;
    }
    const free = freeName(anchorOf(target) ?? "same", names);
    (target as Anchored).anchor = free;
    placed.set(target, free);
    return target;
  }) as typeof document.contents;
}

function freeName(given: string, taken: Set<string>): string {
  const name = /^[\p{L}\p{N}_.-]+$/u.test(given) ? given : "same";
  let free = name;
  for (let count = 2; taken.has(free); count++) free = `${name}${count}`;
  taken.add(free);
  return free;
}

/** In the order of the document; `visit` may put another node in the place of the one that it gets. */
function walk(node: unknown, visit: (node: Node) => Node): unknown {
  if (node === null || typeof node !== "object") return node;
  const now = visit(node as Node);
  if (!isCollection(now)) return now;
  if (isMap(now))
    for (const pair of now.items as Pair[]) {
      pair.key = walk(pair.key, visit);
      pair.value = walk(pair.value, visit);
    }
  else for (const [index, item] of now.items.entries()) if (!isPair(item)) now.items[index] = walk(item, visit);
  return now;
}
