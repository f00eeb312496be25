/** `caps` of a node, in the language of `policy.caps`. */
import type * as z from "zod";
import { nearest } from "#core/nearest.js";
import { capsSchema, narrowingOf } from "../grant/language.js";
import type { DraftNode } from "./draft.js";
import { quoted } from "./diagnostic.js";
import { NO_TEMPLATE } from "./fields.js";
import type { Reporter } from "./reporter.js";
import { hasTemplate } from "./template.js";
import type { MapTree, Tree } from "./tree.js";
import { mapEntry, plainValue, treeAt } from "./value.js";

export function readCaps(report: Reporter, tree: MapTree | undefined): DraftNode["caps"] {
  const value = tree && plainValue(tree);
  if (!tree || value === undefined) return null;
  if (reportTemplates(report, tree)) return null;
  const read = capsSchema.safeParse(value);
  if (read.success) return { value: narrowingOf(read.data), tree };
  for (const issue of read.error.issues) reportIssue(report, tree, issue);
  return null;
}

/** What a node may do stands in the file for whoever reads it: no parameter decides it. */
function reportTemplates(report: Reporter, tree: Tree): boolean {
  if (tree.kind === "map") return tree.entries.filter(({ value }) => reportTemplates(report, value)).length > 0;
  if (tree.kind === "list") return tree.items.filter((item) => reportTemplates(report, item)).length > 0;
  if (tree.kind !== "scalar" || typeof tree.value !== "string" || !hasTemplate(tree.value)) return false;
  report.error("OPENING_TEMPLATE", tree.span, NO_TEMPLATE);
  return true;
}

function reportIssue(report: Reporter, root: MapTree, issue: z.core.$ZodIssue): void {
  const at = treeAt(root, issue.path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""));
  if (issue.code !== "unrecognized_keys") {
    const [name] = issue.path;
    report.error("OPENING_CAPS", at.span, `${name === undefined ? "`caps`" : quoted(`caps.${String(name)}`)}: ${issue.message}`);
    return;
  }
  for (const key of issue.keys)
    report.error("OPENING_UNKNOWN_KEY", mapEntry(at.tree, key)?.keySpan ?? at.span, `unknown capability ${quoted(key)}`, () => {
      const known = Object.keys(capsSchema.shape);
      const near = issue.path.length === 0 ? nearest(key, known) : undefined;
      return near !== undefined
        ? `did you mean \`${near}\`?`
        : issue.path.length === 0
          ? `there are ${known.join(", ")}`
          : undefined;
    });
}
