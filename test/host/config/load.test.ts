import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ConfigError } from "#host/config/issue.js";
import { unsetConfig } from "#host/config/defaults.js";
import { homeAt } from "#host/config/home.js";
import { loadConfig, type ConfigPlace } from "#host/config/load.js";
import { holdOpening } from "#host/config/limit.js";
import { leaves } from "#host/config/keys.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "rlp-config-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Layers {
  user?: string;
  system?: string;
  env?: Record<string, string>;
  flags?: ConfigPlace["flags"];
}
function load({ user, system, env = {}, flags = [] }: Layers) {
  if (user !== undefined) writeFileSync(join(root, "config.yaml"), user);
  if (system !== undefined) writeFileSync(join(root, "system.yaml"), system);
  return loadConfig({ home: homeAt(root, true), flags, env, cwd: root, systemFile: join(root, "system.yaml") });
}
function issuesOf(layers: Layers): string[] {
  try {
    load(layers);
  } catch (error) {
    expect(error).toMatchObject({ code: "USAGE_CONFIG", exit: 2 });
    return (error as ConfigError).issues.map(({ message, place, hint }) =>
      [
        message,
        `${place.file?.replace(`${root}/`, "") ?? place.at}${place.line ? `:${place.line}:${place.column}` : ""}`,
        hint,
      ].join(" | "),
    );
  }
  return [];
}

test("a home for which nothing is set is read without the schema, to the same result; whatever may set something is not", () => {
  const place = { home: homeAt(root, true), flags: [], env: { HOME: "/x" }, cwd: root, systemFile: join(root, "system.yaml") };
  const unset = unsetConfig(place);
  expect(unset).toEqual(load({ env: { HOME: "/x" } }));
  expect([...unset!.sources]).toEqual([...load({}).sources]);
  expect(unsetConfig({ ...place, env: { RUNLOOP__KB__QUOTA_MIB: "5" } })).toBeNull();
  expect(unsetConfig({ ...place, flags: [{ key: "ui.theme", value: "mono", flag: "--theme" }] })).toBeNull();
  expect(unsetConfig({ ...place, file: join(root, "missing.yaml") })).toBeNull();
  for (const name of ["config.yaml", "system.yaml"]) {
    writeFileSync(join(root, name), "");
    expect(unsetConfig(place)).toBeNull();
    rmSync(join(root, name));
  }
});

test("without any layer everything has a default, and says so", () => {
  const { config, sources, home, warnings } = load({});
  expect(config.security.confirm_external_actions).toBe(true);
  expect(config.models.default).toBe("local/template");
  expect(home.kbRoot).toBe(join(root, "pog"));
  expect([...sources.keys()].sort()).toEqual([...leaves.keys()].sort());
  expect(new Set([...sources.values()].map(({ layer }) => layer))).toEqual(new Set(["default"]));
  expect(warnings).toEqual([]);
});

test("higher layers win key by key, and each key knows where it comes from", () => {
  const { config, sources } = load({
    system: "runtime: {workers: 2, max_agents: 10}\nlogging: {level: error}\nui: {theme: dark}\n",
    user: "runtime:\n  workers: 3\nlogging: {level: warn}\n",
    env: { RUNLOOP__LOGGING__LEVEL: "debug", RUNLOOP__RUNTIME__WORKERS: "4" },
    flags: [{ key: "logging.level", value: "trace", flag: "-v" }],
  });
  expect([config.logging.level, config.runtime.workers, config.runtime.max_agents, config.ui.theme]).toEqual([
    "trace",
    4,
    10,
    "dark",
  ]);
  expect(sources.get("logging.level")).toEqual({ layer: "flag", where: "-v" });
  expect(sources.get("runtime.workers")).toEqual({ layer: "env", where: "environment variable RUNLOOP__RUNTIME__WORKERS" });
  expect(sources.get("runtime.max_agents")).toEqual({ layer: "system", where: `${join(root, "system.yaml")}:1:23` });
});

test("lists and scalars replace, sections merge", () => {
  const { config } = load({
    system: "agents: {search_dirs: [/a, /b]}\nmodels: {broker: {cache: {ttl_ms: 5}}}",
    user: "agents: {search_dirs: [/c]}\nmodels: {broker: {cache: {capacity: 7}}}",
  });
  expect(config.agents.search_dirs).toEqual(["/c"]);
  expect(config.models.broker.cache).toEqual({ ttl_ms: 5, capacity: 7 });
});

test.each([
  ["a number where the schema wants one", { RUNLOOP__RUNTIME__WORKERS: "1" }, "runtime.workers", 1],
  ["text where the schema wants text", { RUNLOOP__KB__EVENTS_DB: "1" }, "kb.events_db", "1"],
  ["a boolean", { RUNLOOP__SECURITY__CONFIRM_EXTERNAL_ACTIONS: "false" }, "security.confirm_external_actions", false],
  ["null", { RUNLOOP__MODELS__BROKER__BUDGETS__HARD_CAP_USD: "null" }, "models.broker.budgets.hard_cap_usd", null],
  ["a list", { RUNLOOP__ROUTER__DENYLIST: '["rm -rf /"]' }, "router.denylist", ["rm -rf /"]],
])("variables keep their JSON type: %s", (_, env, key, value) => {
  const { config } = load({ env });
  expect(key.split(".").reduce<any>((at, part) => at[part], config)).toEqual(value);
});

test("four lines set a provider up", () => {
  const { config } = load({
    user: [
      "models:",
      "  default: ollama/llama3.2:3b",
      "  broker:",
      "    providers: [{name: ollama, kind: openai-compatible, base_url: 'http://127.0.0.1:11434/v1', key_env: OLLAMA_KEY}]",
    ].join("\n"),
  });
  expect(config.models.broker.providers).toEqual([
    { name: "ollama", kind: "openai-compatible", base_url: "http://127.0.0.1:11434/v1", key_env: "OLLAMA_KEY" },
  ]);
});

test("paths count from the file that names them, `~` is the user's folder", () => {
  const { config, home } = load({
    user: "kb: {root_dir: data}\nagents: {search_dirs: ['~/agents', ../more]}\n",
    env: { HOME: "/home/ada" },
  });
  expect(home.kbRoot).toBe(join(root, "data"));
  expect(config.agents.search_dirs).toEqual(["/home/ada/agents", join(root, "..", "more")]);
});

test("older names are mapped, with a warning that says where", () => {
  const { config, warnings } = load({ user: "kb:\n  ledger: old.sqlite\n  materialized: views.sqlite\n" });
  expect([config.kb.events_db, config.kb.view_db]).toEqual(["old.sqlite", "views.sqlite"]);
  expect(warnings.filter((warning) => warning.includes("is now called"))).toEqual([
    `\`kb.ledger\` is now called \`kb.events_db\`, ${join(root, "config.yaml")}:2:3`,
    `\`kb.materialized\` is now called \`kb.view_db\`, ${join(root, "config.yaml")}:3:3`,
  ]);
});

test("a key that this version does not act on is accepted, with a warning", () => {
  const { config, warnings } = load({ user: "runtime: {max_agents: 2}\nbus: {queue_frames: 9}\n" });
  expect(config.bus.queue_frames).toBe(9);
  expect(warnings).toEqual([`\`bus.queue_frames\` has no effect in this version, ${join(root, "config.yaml")}:2:7`]);
});

test("a limit that protects nobody is warned about too, with what does", () => {
  const { warnings } = load({ system: "policy:\n  security: {allow_unsigned_agents: false}\n" });
  expect(warnings).toEqual([
    expect.stringMatching(/`security\.allow_unsigned_agents` has no effect in this version: .*\[strangers\].*system\.yaml:2/),
  ]);
});

test("an opening cannot loosen what the system's policy fixes", () => {
  const opening = (confirm_external: boolean) => ({ name: "o", policy: { confirm_external } }) as never;
  const { limits } = load({ system: POLICY });
  expect(() => holdOpening(limits, opening(false), "o.yaml")).toThrow(
    expect.objectContaining({ code: "USAGE_CONFIG", place: { file: "o.yaml" } }),
  );
  expect(() => holdOpening(limits, opening(true), "o.yaml")).not.toThrow();
  expect(() => holdOpening(load({ system: "" }).limits, opening(false), "o.yaml")).not.toThrow();
});

test("everything that is wrong is said at once, with its place and a way out", () => {
  expect(
    issuesOf({
      user: "version: 2\nmodles: {default: x}\nlogging:\n  levle: info\nruntime: {workers: many}\nkb: here\nconfirm_external_actions: true\n",
      env: { RUNLOOP__RUNTIME__MAXAGENTS: "3", RUNLOOP__RUNTIME__WORKERS: "two" },
    }),
  ).toEqual([
    expect.stringContaining("`version`: Invalid input: expected 1 | config.yaml:1:1"),
    "unknown key `modles` | config.yaml:2:1 | did you mean `models`?",
    "unknown key `logging.levle` | config.yaml:4:3 | did you mean `logging.level`?",
    expect.stringMatching(/^`runtime.workers`: .*number.* \| config.yaml:5:11/),
    "`kb` must be a section with keys, not a string | config.yaml:6:1 | it holds root_dir, events_db, view_db, embedder, redaction, quota_mib",
    "unknown key `confirm_external_actions` | config.yaml:7:1 | did you mean `security.confirm_external_actions`?",
    '`runtime.workers`: is not JSON | environment variable RUNLOOP__RUNTIME__WORKERS | numbers, true, false and null stand bare; lists as ["…"]',
    "unknown key `runtime.maxagents` | environment variable RUNLOOP__RUNTIME__MAXAGENTS | did you mean `runtime.max_agents`?",
  ]);
});

test.each([
  ["not YAML", "a: [1, 2", /not a config file: .* \| config\.yaml:1:/],
  ["a list", "- a\n", /holds keys and values \| config\.yaml:1:1/],
  ["a key twice", "ui: {theme: dark}\nui: {theme: mono}\n", /unique.* \| config\.yaml:2:1/i],
  ["two documents", "ui: {}\n---\nui: {}\n", /not a config file/],
  ["a tag", "ui: {theme: !!js/function 'x'}\n", /not a config file: Unresolved tag/],
  ["a key that belongs to Object", "__proto__: {polluted: 1}\n", /unknown key `__proto__`/],
  ["a section that belongs to Object", "kb: {constructor: {a: 1}}\n", /unknown key `kb\.constructor`/],
  ["binary", "\0\u0001", /is not text/],
  ["too large", `ui: {theme: "${"x".repeat(300_000)}"}`, /is larger than 262144 bytes/],
  [
    "a policy of one's own",
    "policy: {runtime: {workers: 1}}\n",
    /`policy` stands in the system's file only \| config\.yaml:1:20/,
  ],
  [
    "an alias bomb",
    `bus: &a [x, x]\n${"bcdefghij"
      .split("")
      .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(",")}]`)
      .join("\n")}\n`,
    /xcessive alias/,
  ],
])("refused: %s", (_, user, message) => {
  expect(issuesOf({ user }).join("\n")).toMatch(message);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test.each([
  [
    "an API key in the file",
    "{name: x, kind: openai-compatible, base_url: 'https://x.test/v1', api_key: sk-hush-hush}",
    /keys are not kept in this file.*key_env/,
  ],
  [
    "a key where its variable's name belongs",
    "{name: x, kind: openai-compatible, base_url: 'https://x.test/v1', key_env: sk-hush-hush}",
    /is the name of an environment variable/,
  ],
  [
    "a password in the URL",
    "{name: x, kind: openai-compatible, base_url: 'https://u:sk-hush-hush@x.test/v1'}",
    /user name or password/,
  ],
  ["another protocol", "{name: x, kind: openai-compatible, base_url: 'file:///etc/passwd'}", /http or https/],
  ["an unknown kind", "{name: x, kind: telepathy}", /`kind` is `local` or/],
  ["the built-in name taken", "{name: local, kind: openai-compatible, base_url: 'https://x.test/v1'}", /belongs to the built-in/],
])("a provider is refused, and no secret is repeated: %s", (_, provider, message) => {
  const issues = issuesOf({ user: `models: {broker: {providers: [${provider}]}}\n` }).join("\n");
  expect(issues).toMatch(message);
  expect(issues).not.toContain("hush");
});

test("a model of a provider that is not there is found, in every layer", () => {
  expect(issuesOf({ env: { RUNLOOP__MODELS__DEFAULT: "openai/gpt" } })).toEqual([
    "`models.default`: there is no provider `openai` | environment variable RUNLOOP__MODELS__DEFAULT | providers: local; another one stands under `models.broker.providers`",
  ]);
  expect(issuesOf({ user: "models: {broker: {route: [{match: '*', use: other/x}]}}" })[0]).toContain(
    "no provider `other` | config.yaml:1:19",
  );
});

const POLICY =
  "policy:\n  security: {confirm_external_actions: true, allow_unsigned_agents: false}\n  runtime: {max_agents: 8}\n";

test.each([
  ["the user's file", { user: "security: {confirm_external_actions: false}\n" }, "config.yaml:1:12"],
  [
    "a variable",
    { env: { RUNLOOP__SECURITY__CONFIRM_EXTERNAL_ACTIONS: "false" } },
    "environment variable RUNLOOP__SECURITY__CONFIRM_EXTERNAL_ACTIONS",
  ],
  ["a flag", { flags: [{ key: "security.confirm_external_actions", value: false, flag: "--yes" }] }, "--yes"],
])("what the system's policy fixes cannot be loosened by %s; both are named", (_, layers, place) => {
  const [issue = ""] = issuesOf({ system: POLICY, ...layers });
  expect(issue).toContain("`security.confirm_external_actions` is looser than the system's limit (true,");
  expect(issue).toContain("system.yaml:2:14");
  expect(issue).toContain(place);
});

test("the policy can be tightened, and holds where nobody says anything", () => {
  const { config, sources, limits } = load({ system: POLICY, user: "runtime: {max_agents: 4}\n" });
  expect(config.runtime.max_agents).toBe(4);
  expect(load({ user: "", system: POLICY }).config.runtime.max_agents).toBe(8);
  expect(load({ user: "", system: POLICY }).sources.get("runtime.max_agents")?.layer).toBe("policy");
  expect(sources.get("runtime.max_agents")?.layer).toBe("user");
  expect(limits.get("security.confirm_external_actions")).toBe(true);
  expect(issuesOf({ system: "policy: {ui: {theme: mono}}" })[0]).toContain("this key cannot be limited");
});

test("a file that was named must be there", () => {
  const place = { home: homeAt(root, true), flags: [], env: {}, cwd: root, systemFile: join(root, "none.yaml") };
  expect(() => loadConfig({ ...place, file: join(root, "gone.yaml") })).toThrow("there is no such config file");
  expect(() => loadConfig({ ...place, file: root })).toThrow("is a folder");
});
