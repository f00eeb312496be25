/** A small catalog to write openings against: the canonical agents' faces, and a few with something wrong. */
import { blake3 } from "#core/digest.js";
import type { JsonObject } from "#core/json.js";
import { noGrant, type AgentCatalog, type AgentInterface, type Grant, type Port } from "#openings/agent.js";
import type { OpeningCatalog } from "#openings/inner.js";
import { compileOpening, type CheckedOpening, type CompileWorld } from "#openings/language/compile.js";
import { schemaRegistry } from "#openings/types/registry.js";

const port = (types: string, required = false): Port => ({ types: types.split("|"), required });

export function agent(
  name: string,
  inputs: Record<string, Port>,
  outputs: Record<string, Port>,
  rest: Partial<Omit<AgentInterface, "grant">> & { grant?: Partial<Grant> } = {},
): AgentInterface {
  return {
    name,
    version: "0.1.0",
    description: `The agent ${name}.`,
    digest: blake3(name),
    inputs,
    outputs,
    withSchema: null,
    imports: ["runloop:agent/types@0.1.0", "runloop:agent/log@0.1.0"],
    optionalImports: [],
    limits: { memory_mib: 64, fuel: 2_000_000_000, wall_ms: 15_000 },
    schemas: {},
    ...rest,
    grant: { ...noGrant, ...rest.grant },
  };
}

const query: JsonObject = {
  type: "object",
  properties: { query: { type: "string", minLength: 1 }, limit: { type: "integer", minimum: 1, maximum: 100 } },
  required: ["query"],
  additionalProperties: false,
};

export const agents: readonly AgentInterface[] = [
  agent(
    "contact_resolver",
    {},
    { out: port("contact.list.v1") },
    { withSchema: query, imports: ["runloop:agent/kb@0.1.0"], grant: { kb_read: true } },
  ),
  agent(
    "context_gatherer",
    { recipients: port("contact.list.v1") },
    { out: port("context.bundle.v1") },
    {
      withSchema: { type: "object", properties: { topic: { type: "string" } }, additionalProperties: false },
      grant: { kb_read: ["mail"] },
    },
  ),
  agent(
    "writer",
    { recipients: port("contact.list.v1", true), context: port("context.bundle.v1"), topic: port("text.v1|json.v1") },
    { out: port("artifact.draft.email.v1") },
    { imports: ["runloop:agent/model"], grant: { model: true } },
  ),
  agent(
    "critic",
    { in: port("artifact.draft.email.v1", true) },
    { ok: port("bool.v1"), review: port("text.v1"), score: port("number.v1") },
  ),
  agent(
    "mailer",
    { draft: port("artifact.draft.email.v1", true) },
    { out: port("json.v1") },
    {
      imports: ["runloop:agent/actions@0.1.0"],
      grant: { actions: ["email.send"], secrets: [{ id: "runloop/mail/smtp", hosts: ["smtp.example.com"] }] },
    },
  ),
  agent("fallback", { error: port("node.error.v1", true), draft: port("artifact.draft.email.v1") }, { out: port("text.v1") }),
  agent("one_contact", { contact: port("contact.v1", true), note: port("text.v1") }, { out: port("text.v1") }),
  agent("picky", { error: port("number.v1") }, { out: port("text.v1") }),
  agent("echo", { in: port("any"), constructor: port("text.v1") }, { out: port("any") }),
  agent(
    "greedy",
    {},
    { out: port("text.v1") },
    { imports: ["runloop:agent/http@0.1.0", "wasi:clocks/wall-clock@0.2.0", "evil:pkg/x"] },
  ),
  // This host takes its network, and an override tried to add.
  agent(
    "held",
    {},
    { out: port("text.v1") },
    {
      imports: ["runloop:agent/http@0.1.0", "runloop:agent/model@0.1.0"],
      optionalImports: ["http"],
      grant: { model: ["local/*"], kb_read: ["notes"] },
      policy: {
        ...noGrant,
        net: [{ host: "api.example.com", port: null, methods: null, paths: null }],
        model: true,
        kb_read: ["notes", "mail"],
        fs_ro: ["/data"],
      },
    },
  ),
  agent(
    "cut_off",
    {},
    { out: port("text.v1") },
    {
      imports: ["runloop:agent/http@0.1.0"],
      policy: { ...noGrant, net: [{ host: "api.example.com", port: null, methods: null, paths: null }] },
    },
  ),
  agent(
    "odd_types",
    { in: port("contact.lst.v1") },
    { out: port("bad.pattern.v1") },
    {
      schemas: { "bad.pattern.v1": { type: "string", pattern: "^(a+)+$" } },
    },
  ),
];

export const catalog: AgentCatalog = {
  get: (name, variant) => (variant === null || variant === "fast" ? agents.find((each) => each.name === name) : undefined),
  names: () => agents.map((each) => each.name),
  notices: (name) => (name === "held" ? ["an override\u202e names what the policy does not grant: net evil.example"] : []),
  refusal: (name) =>
    name === "tampered"
      ? { message: "ADMIT_DIGEST: other bytes\u202e than it names, agent.wasm", hint: "build it again" }
      : undefined,
};

export const types = schemaRegistry({
  "contact.list.v1": { type: "array", items: { type: "object", required: ["email"], properties: { email: { type: "string" } } } },
  "contact.v1": { type: "object", required: ["email"] },
  "context.bundle.v1": { type: "object" },
  "artifact.draft.email.v1": { type: "object", required: ["body"] },
});

const sources: Readonly<Record<string, string>> = {
  review: `
version: 0
name: review
inputs: { draft: artifact.draft.email.v1, note: { type: text.v1, required: false } }
outputs: { ok: judge.ok, out: judge.review }
params: { strict: true }
policy: { confirm_external: false }
nodes:
  - { id: judge, use: agent:critic }
  - { id: asked, use: agent:writer, with: { recipients: [], topic: "{{params.strict}}" } }
edges:
  - { from: inputs.draft, to: judge.in }
`,
  broken: "version: 0\nname: broken\nnodes: [{ id: a, use: agent:ehco }]\n",
};

/** As the host does it: each use compiled with what its node hands in. */
export const openings: OpeningCatalog = {
  get: (name, given) => inner(name, given)?.face ?? undefined,
  names: () => Object.keys(sources),
  refusal(name, given) {
    const [first] = inner(name, given)?.diagnostics ?? [];
    return first && { message: `${first.code}: ${first.message}`, hint: `\`rlp check ${name}.yaml\` tells everything` };
  },
};

function inner(name: string, params: JsonObject): CheckedOpening | undefined {
  const text = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (text === undefined) return undefined;
  return compileOpening({ file: `${name}.yaml`, bytes: new TextEncoder().encode(text) }, { ...world, params });
}

export const world: CompileWorld = { agents: catalog, types, openings, params: {}, defaults: { confirm_external: true } };
