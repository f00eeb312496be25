/** The first source of a new agent in AssemblyScript. */
import type { TypeRegistry } from "#openings/agent.js";
import { has, localName, NOTED } from "./cases.js";
import { exampleOf } from "./example.js";
import type { AgentSpec } from "./spec.js";

/** `src/agent.ts`. */
export function assemblyScriptOf(spec: AgentSpec, types: TypeRegistry): string {
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
    const name = localName(port);
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
