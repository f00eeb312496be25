/** No layer can add: whatever a narrowed grant allows, both sides allow. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { mayAct, mayRead, mayUseModel, mayWrite, seesRawContacts } from "#host/capability/authorize.js";
import { mayFetch, maySend } from "#host/capability/net.js";
import { parseOverride, parsePolicy } from "#host/capability/policy.js";
import { noGrant, type Grant } from "#openings/agent.js";
import { meet } from "#openings/grant/meet.js";
import { beyond, change, narrow } from "#openings/grant/narrow.js";
import { matchesPattern, meetPatterns } from "#openings/grant/pattern.js";

const grant = (text: string): Grant => parsePolicy(Buffer.from(text), "policy.caps");
const override = (text: string) => parseOverride(Buffer.from(text), "x.caps");

const some = <T>(...items: T[]) => fc.uniqueArray(fc.constantFrom(...items), { maxLength: 3 });
const host = fc.constantFrom("a.example", "*.example", "x.a.example", "*.a.example", "localhost", "127.0.0.1", "[::1]");
const port = fc.constantFrom(null, 80, 443, 8080);
const rule = fc.record({
  host,
  port,
  methods: fc.option(fc.uniqueArray(fc.constantFrom("GET", "POST"), { minLength: 1 })),
  paths: fc.option(fc.uniqueArray(fc.constantFrom("/", "/v1", "/v1/", "/v1/x", "/v10"), { minLength: 1 })),
});
const grants: fc.Arbitrary<Grant> = fc.record({
  fs_ro: some("/a", "/a/b", "/ab", "/"),
  fs_rw: some("/a", "/a/b", "/c"),
  net: fc.array(rule, { maxLength: 3 }),
  time: fc.constantFrom(false, true, "real" as const),
  random: fc.boolean(),
  kb_read: fc.oneof(fc.boolean(), some("notes", "contacts", "contacts_raw")),
  kb_write: fc.oneof(fc.boolean(), some("notes", "contacts")),
  secrets: fc.array(
    fc.record({
      id: fc.constantFrom("s", "t"),
      hosts: some("a.example", "a.example:443", "*.example", "127.0.0.1", "localhost:443"),
    }),
    { maxLength: 2 },
  ),
  secrets_raw: some("s", "t"),
  model: fc.oneof(fc.boolean(), some("local/*", "*", "*/gpt", "openai/gpt-*", "openai/*-mini", "local/template")),
  actions: some("email.send", "http.request"),
  tools: some("grep", "sed"),
  exec: some<Grant["exec"][number]>("true", { command: "git" }),
  spawn: some("writer", "critic"),
});

const urls = ["a.example", "x.example", "x.a.example", "localhost", "127.0.0.1", "[::1]"].flatMap((name) =>
  ["", ":80", ":443", ":8080"].flatMap((at) =>
    ["http", "https"].flatMap((scheme) =>
      ["/", "/v1", "/v1/", "/v1/x/y", "/v10", "/v1/%2e%2e/x"].map((path) => new URL(`${scheme}://${name}${at}${path}`)),
    ),
  ),
);
const models = ["local/template", "local/gpt", "openai/gpt", "openai/gpt-mini", "openai/gpt-5", "x"];

/** Everything that a grant lets through, of a world that is small enough to list. */
function allowed(held: Grant): ReadonlySet<string> {
  const found = new Set<string>();
  const take = (name: string, denial: unknown): void => void (denial === null && found.add(name));
  for (const url of urls) {
    for (const method of ["GET", "POST"]) take(`${method} ${url.href}`, mayFetch(held, url, method));
    for (const id of ["s", "t"]) take(`${id} → ${url.href}`, maySend(held, id, url));
  }
  for (const model of models) take(`model ${model}`, mayUseModel(held, model));
  for (const domain of ["notes", "contacts", "contacts_raw"]) {
    take(`read ${domain}`, mayRead(held, domain));
    take(`write ${domain}`, mayWrite(held, domain));
  }
  for (const kind of ["email.send", "http.request"]) take(kind, mayAct(held, kind));
  if (seesRawContacts(held)) found.add("raw contacts");
  if (held.random) found.add("random");
  if (held.time !== false) found.add("time");
  if (held.time === "real") found.add("real time");
  const under = (folders: readonly string[], path: string) =>
    folders.some((folder) => folder === "/" || path === folder || path.startsWith(`${folder}/`));
  for (const path of ["/", "/a", "/a/b", "/a/b/c", "/ab", "/c/d"]) {
    if (under([...held.fs_ro, ...held.fs_rw], path)) found.add(`ro ${path}`);
    if (under(held.fs_rw, path)) found.add(`rw ${path}`);
  }
  for (const list of ["secrets_raw", "tools", "exec", "spawn"] as const)
    for (const item of held[list]) found.add(`${list} ${JSON.stringify(item)}`);
  return found;
}

test("what is common to two grants is allowed by both, and by nobody else", () => {
  fc.assert(
    fc.property(grants, grants, (a, b) => {
      const [left, right] = [allowed(a), allowed(b)];
      for (const one of allowed(meet(a, b))) expect(left.has(one) && right.has(one), one).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test("a grant has all of itself in common with itself, and nothing with nothing; order does not matter", () => {
  fc.assert(
    fc.property(grants, grants, (a, b) => {
      expect(allowed(meet(a, a))).toEqual(allowed(a));
      expect(allowed(meet(a, noGrant)).size).toBe(0);
      expect(allowed(meet(a, b))).toEqual(allowed(meet(b, a)));
    }),
    { numRuns: 200 },
  );
});

test("a narrowing never widens, says what it could not add, and leaves alone what it does not name", () => {
  fc.assert(
    fc.property(grants, grants, fc.constantFrom(...(Object.keys(noGrant) as (keyof Grant)[])), (held, other, key) => {
      const narrowing = { [key]: other[key] };
      const after = narrow(held, narrowing);
      const before = allowed(held);
      for (const one of allowed(after)) expect(before.has(one), one).toBe(true);
      for (const name of Object.keys(noGrant) as (keyof Grant)[]) if (name !== key) expect(after[name]).toEqual(held[name]);
    }),
    { numRuns: 200 },
  );
});

test("common patterns of models: exact for one star each", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 });
  const pattern = fc.oneof(
    word,
    fc.tuple(word, word).map(([x, y]) => `${x}*${y}`),
  );
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 7 });
  fc.assert(
    fc.property(pattern, pattern, text, (a, b, subject) => {
      const common = meetPatterns(a, b).some((one) => matchesPattern(one, subject));
      expect(common).toBe(matchesPattern(a, subject) && matchesPattern(b, subject));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["a host of a pattern", 'net = ["*.example.com"]', 'net = ["api.example.com"]', ["net api.example.com"]],
  ["no port and 443: https there", 'net = ["a.example"]', 'net = ["a.example:443"]', ["net https a.example:443"]],
  [
    "methods and paths",
    'net = [{host = "a.example", methods = ["GET", "POST"], paths = ["/v1"]}]',
    'net = [{host = "a.example", methods = ["GET"], paths = ["/v1/x", "/v2"]}]',
    ["net a.example GET /v1/x"],
  ],
  ["domains", "kb_read = true", 'kb_read = ["notes"]', ["kb_read notes"]],
  ["the mask stays on where one side has it", 'kb_read = ["contacts", "contacts_raw"]', "kb_read = true", ["kb_read contacts"]],
  ["models", 'model = ["openai/*"]', 'model = ["*-mini"]', ["model openai/*-mini"]],
  ["a folder in a folder", 'fs_ro = ["/data"]', 'fs_ro = ["/data/in", "/etc"]', ["fs_ro /data/in"]],
  ["reading in the place of writing", 'fs_rw = ["/data"]', 'fs_rw = []\nfs_ro = ["/data"]', ["fs_ro /data"]],
  ["real time made the run's own", 'time = "real"', "time = true", ["time"]],
  [
    "a secret's hosts",
    'secrets = [{id = "s", hosts = ["a.example", "b.example"]}]',
    'secrets = [{id = "s", hosts = ["b.example"]}]',
    ["secrets s → b.example"],
  ],
])("%s", (_, held, narrowing, left) => {
  const before = grant(held);
  expect(change(noGrant, narrow(before, override(narrowing))).left).toEqual(left);
});

test.each([
  ["a host", 'net = ["evil.example"]', ["net evil.example"]],
  ["another port", 'net = ["a.example:8443"]', ["net a.example:8443"]],
  ["a wider pattern", 'net = ["*.example"]', ["net *.example"]],
  ["a method", 'net = [{host = "a.example", methods = ["POST"]}]', ["net a.example POST"]],
  ["everything instead of a list", "kb_read = true", ["kb_read"]],
  ["a domain", 'kb_read = ["notes", "contacts"]', ["kb_read contacts"]],
  ["what is off", "random = true", ["random"]],
  ["a clock", "time = true", ["time"]],
  ["a wider pattern of models", 'model = ["*"]', ["model *"]],
])("what a narrowing tries to add is told and not added: %s", (_, text, added) => {
  const held = grant('net = [{host = "a.example", methods = ["GET"]}]\nkb_read = ["notes"]\nmodel = ["local/*"]');
  const narrowing = override(text);
  expect(beyond(held, narrowing)).toEqual(added);
  const after = narrow(held, narrowing);
  for (const one of allowed(after)) expect(allowed(held).has(one)).toBe(true);
});
