/** What the benchmark of search judges is there: a judgement of a section that was renamed would stop it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judged } from "../../bench/quality/judged.js";

const docs = join(import.meta.dirname, "../../docs");
const names = [...new Set(judged.flatMap(({ relevant }) => Object.keys(relevant)))];

test.each(names)("%s is a document, or a section of one", (name) => {
  const [file = "", heading] = name.split("#");
  const headings = [...readFileSync(join(docs, file), "utf8").matchAll(/^#+ +(.+)$/gm)].map(([, text = ""]) =>
    text.replaceAll("`", ""),
  );
  if (heading !== undefined) expect(headings).toContain(heading);
});
