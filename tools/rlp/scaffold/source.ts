/**
 * The first source of a new agent: small, running, and using each thing that it was scaffolded with, so that an author changes
 * rather than begins. What it computes is known here too, because its first tests expect it.
 */
import type { Json } from "#core/json.js";
import type { TypeRegistry } from "#openings/agent.js";
import { exampleOf } from "./example.js";
import type { AgentSpec, PortSpec } from "./spec.js";

/** One case of the new agent's own tests, as `tests/*.yaml` writes it. */
export interface FirstCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Json>>;
  readonly answers?: Readonly<Record<string, readonly Json[]>>;
  readonly expect: { readonly ports: Readonly<Record<string, Json>> } | { readonly failure: Readonly<Record<string, Json>> };
}

const has = ({ caps }: AgentSpec, name: string): boolean => caps.some((cap) => cap.name === name);

/** A name that is free in the generated function, whatever the ports are called. */
const local = (port: PortSpec): string => `${port.name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}In`;

/** `src/agent.ts`. */
export function sourceOf(spec: AgentSpec, types: TypeRegistry): string {
  const lines = [...readLines(spec), ...capLines(spec), ...sendLines(spec, types)];
  const body = lines.map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
  const imports = [...new Set(["Invocation", "Outcome", "ok", ...usedNames(body)])].sort((a, b) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : 1,
  );
  return [
    `/** ${spec.description} */`,
    `import { ${imports.join(", ")} } from "runloop";`,
    "",
    "export function agent(call: Invocation): Outcome {",
    body,
    "}",
    "",
  ].join("\n");
}

const NAMES = ["fail", "failed", "kb", "model", "clock", "random", "log", "json", "parse", "CompletionOptions"];
const usedNames = (body: string): string[] => NAMES.filter((name) => new RegExp(`(?<![\\w."])${name}(?=[.(])`).test(body));

function readLines(spec: AgentSpec): string[] {
  return spec.inputs.flatMap((port, index) => {
    const name = local(port);
    const text = port.type === "text.v1" ? `${name}.first().asText()` : `${name}.first().toString()`;
    return [
      `const ${name} = call.input(${JSON.stringify(port.name)});`,
      ...(port.required
        ? [
            `if (!${name}.given) return fail(${JSON.stringify(`${spec.name}.nothing`)}, ${JSON.stringify(`nothing arrived on ${port.name}`)});`,
          ]
        : []),
      index === 0 ? `let answer = ${text};` : `${port.required ? "" : `if (${name}.given) `}answer += "\\n" + ${text};`,
      "",
    ];
  });
}

const NOTED = "an agent's note";

function capLines(spec: AgentSpec): string[] {
  return [
    ...(has(spec, "kb_read")
      ? [
          "const notes = kb.search(answer);",
          'if (!notes.ok) return failed(notes.error, "searching the knowledge base");',
          'for (let i = 0; i < notes.value.length; i++) answer += "\\n- " + notes.value[i].title;',
          "",
        ]
      : []),
    ...(has(spec, "model")
      ? [
          "// Where no model is configured, the built-in template filler answers with the template behind `local`.",
          'const options = new CompletionOptions().local("{{text}}", json().set("text", answer));',
          'const written = model.complete("Put this into one friendly sentence:\\n\\n" + answer, options);',
          'if (!written.ok) return failed(written.error, "asking a model");',
          "answer = written.value.text;",
          "",
        ]
      : []),
    ...(has(spec, "time")
      ? ["const now = clock.nowMs();", 'if (now.ok) log.info("the run\'s own clock", json().set("ms", <f64>now.value));', ""]
      : []),
    ...(has(spec, "random")
      ? [
          "const drawn = random.unit();",
          'if (drawn.ok) log.info("drawn from the run\'s seed", json().set("unit", drawn.value));',
          "",
        ]
      : []),
    ...(has(spec, "kb_write")
      ? [
          `const note = json().set("title", ${JSON.stringify(NOTED)}).set("text", answer);`,
          'const noted = kb.propose(json().set("kind", "note.added").set("payload", note));',
          'if (!noted.ok) return failed(noted.error, "writing a note");',
          "",
        ]
      : []),
    ...(has(spec, "net") ? ["// `http` reaches the hosts that policy.caps names; sdk/README.md shows it.", ""] : []),
    ...(has(spec, "actions")
      ? ["// `actions.propose(kind, arguments)` asks for an external action; a person decides before it happens.", ""]
      : []),
  ];
}

function sendLines(spec: AgentSpec, types: TypeRegistry): string[] {
  const calls = spec.outputs.map(({ name, type }) => {
    const carried = type === "any" ? "json.v1" : type;
    return `.send(${JSON.stringify(name)}, ${JSON.stringify(carried)}, ${expression(type, types)})`;
  });
  const [first = ""] = calls;
  return calls.length === 1 ? [`return ok()${first};`] : ["return ok()", ...calls.map((call) => `  ${call}`)].map(endsLast);
}

const endsLast = (line: string, at: number, lines: readonly string[]): string => (at === lines.length - 1 ? `${line};` : line);

function expression(type: string, types: TypeRegistry): string {
  switch (type) {
    case "text.v1":
      return "answer";
    case "bool.v1":
      return "answer.length > 0";
    case "number.v1":
      return "answer.length";
    case "json.v1":
    case "any":
      return 'json().set("text", answer)';
    default:
      return `parse(${JSON.stringify(JSON.stringify(exampleOf(type, types)))}).value`;
  }
}

/** The cases that the source above passes. */
export function firstCases(spec: AgentSpec, types: TypeRegistry): readonly FirstCase[] {
  const inputs = Object.fromEntries(spec.inputs.map(({ name, type }) => [name, exampleOf(type, types)]));
  let answer = spec.inputs
    .map(({ name, type }) => (type === "text.v1" ? (inputs[name] as string) : JSON.stringify(inputs[name])))
    .join("\n");
  const answers: Record<string, readonly Json[]> = {};
  if (has(spec, "kb_read")) {
    const hit = { citation: "0#0", title: "Porto", text: "The lease.", uri: "notes/porto.md", domain: "notes", score: 1 };
    answers["kb.search"] = [{ ok: [hit] }];
    answer += `\n- ${hit.title}`;
  }
  if (has(spec, "model")) {
    answer = "One friendly sentence.";
    answers["model.complete"] = [{ ok: { text: answer, model: "test/model", input_tokens: 10, output_tokens: 5 } }];
  }
  if (has(spec, "kb_write")) {
    const delta = { kind: "note.added", payload: { title: NOTED, text: answer } };
    answers["kb.propose"] = [{ args: [delta], ok: 1 }];
  }
  const ports = Object.fromEntries(spec.outputs.map(({ name, type }) => [name, valueOf(type, answer, types)]));
  const empty = spec.inputs.find(({ required }) => required);
  return [
    { name: "the example", inputs, ...(Object.keys(answers).length > 0 && { answers }), expect: { ports } },
    ...(empty
      ? [
          {
            name: "nothing arrives",
            inputs: {},
            expect: {
              failure: { code: `${spec.name}.nothing`, message: `nothing arrived on ${empty.name}`, retryable: false },
            },
          },
        ]
      : []),
  ];
}

function valueOf(type: string, answer: string, types: TypeRegistry): Json {
  switch (type) {
    case "text.v1":
      return answer;
    case "bool.v1":
      return answer.length > 0;
    case "number.v1":
      return answer.length;
    case "json.v1":
    case "any":
      return { text: answer };
    default:
      return exampleOf(type, types);
  }
}
