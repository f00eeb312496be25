import { expect, test } from "vitest";
import { kbFunctions, type KbReader } from "#host/imports/kb.js";
import { agent, attempt, says, type Guest } from "../run/world.js";

const AT_MOST = 4096;

/** What an agent is handed of a chunk with this text. */
async function found(text: string): Promise<string> {
  const hit = { citation: "c", title: "t", text, snippet: "", uri: "u", domain: "docs", kind: "document", score: 1 };
  const from = { ranks: { words: 1, vectors: null }, origin: { actor: "user", citations: [], inputs: [] } };
  const reader: KbReader = {
    search: async () => [{ ...hit, ...from }],
    contacts: async () => [],
    documents: async () => [],
    entity: async () => null,
    propose: async () => 0,
    maskKey: "key",
  };
  const searches: Guest = async (_, hooks) => {
    const args = ["word", { limit: 1, kind: "", domain: "" }];
    const answer = await hooks.call({ seq: 0, interface: "kb", function: "search", args, fuel: 1 });
    return says((answer as { ok: { text: string }[] }).ok[0]!.text);
  };
  const { end } = await attempt({ guests: [searches], functions: kbFunctions(reader), agent: agent({ kb_read: true }) });
  if (end.status !== "ok") throw new Error(JSON.stringify(end));
  return end.outputs[0]!.body as string;
}

test("an address that stands where a long text is cut is masked all the same", async () => {
  const text = await found(`${"x".repeat(AT_MOST - 10)} jonathan@example.com and more`);
  expect(text).toHaveLength(AT_MOST);
  expect(text).not.toContain("jona");
});

test("a long text is cut at a whole character: what has no digest cannot be recorded", async () => {
  expect(await found(`${"x".repeat(AT_MOST - 1)}🎈`)).toBe(`${"x".repeat(AT_MOST - 1)}\ufffd`);
});
