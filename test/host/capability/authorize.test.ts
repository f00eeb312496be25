import { expect, test } from "vitest";
import * as fc from "fast-check";
import { mayAct, mayRead, mayUseModel, mayWrite, readableDomains, seesRawContacts } from "#host/capability/authorize.js";
import { noGrant } from "#openings/agent.js";
import { matchesPattern } from "#openings/grant/pattern.js";

test("a grant that names nothing allows nothing, and says which capability is missing", () => {
  expect(mayRead(noGrant, "notes")?.cap).toBe("kb_read");
  expect(mayRead(noGrant, null)?.cap).toBe("kb_read");
  expect(mayWrite(noGrant, "notes")?.cap).toBe("kb_write");
  expect(mayUseModel(noGrant, "local/template")?.cap).toBe("model");
  expect(mayAct(noGrant, "email.send")?.cap).toBe("actions");
});

test("domains that are listed are readable, others are not, and `contacts_raw` is no domain", () => {
  const grant = { ...noGrant, kb_read: ["contacts", "contacts_raw"] };
  expect(mayRead(grant, "contacts")).toBeNull();
  expect(mayRead(grant, "notes")).toMatchObject({ cap: "kb_read", target: "notes" });
  expect(mayRead(grant, "contacts_raw")).not.toBeNull();
  expect(readableDomains(grant)).toEqual(["contacts"]);
});

test("only a grant that names it sees raw addresses: `kb_read = true` does not", () => {
  expect(seesRawContacts({ ...noGrant, kb_read: true })).toBe(false);
  expect(seesRawContacts({ ...noGrant, kb_read: ["contacts_raw"] })).toBe(true);
});

test.each([
  ["*", "local/template", true],
  ["local/*", "local/template", true],
  ["local/*", "openai/local/x", false],
  ["*/gpt-*-mini", "openai/gpt-5-mini", true],
  ["*/gpt-*-mini", "openai/gpt-mini", false],
  ["a*a", "a", false],
  ["openai/gpt", "openai/gpt-5", false],
  ["", "", true],
])("pattern %s against %s: %s", (pattern, model, fits) => {
  expect(matchesPattern(pattern, model)).toBe(fits);
});

test("a pattern matches as its stars read (against the textbook definition)", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
  fc.assert(
    fc.property(word, text, (pattern, subject) => {
      const oracle = new RegExp(`^${pattern.replaceAll("*", "[ab]*")}$`).test(subject);
      expect(matchesPattern(pattern, subject)).toBe(oracle);
    }),
  );
});
