/** The first source of a new agent in JavaScript or TypeScript, and what an editor needs to know its types. */
import { readFileSync } from "node:fs";
import type { TypeRegistry } from "#openings/agent.js";
import { declarations } from "#sdk/build/layout.js";
import { has, localName, NOTED } from "./cases.js";
import { exampleOf } from "./example.js";
import type { AgentSpec } from "./spec.js";

export function scriptFiles(spec: AgentSpec, types: TypeRegistry): ReadonlyMap<string, string> {
  const typed = spec.lang === "ts";
  const settings = {
    compilerOptions: {
      target: "es2023",
      lib: ["es2024"],
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      noEmit: true,
      types: [],
      ...(!typed && { allowJs: true, checkJs: true }),
    },
    include: ["src", "types"],
  };
  return new Map([
    [typed ? "src/agent.ts" : "src/agent.js", sourceOf(spec, types)],
    ["types/runloop.d.ts", readFileSync(declarations, "utf8")],
    [typed ? "tsconfig.json" : "jsconfig.json", `${JSON.stringify(settings, null, 2)}\n`],
  ]);
}

function sourceOf(spec: AgentSpec, types: TypeRegistry): string {
  const typed = spec.lang === "ts";
  const body = [...readLines(spec), ...capLines(spec), ...sendLines(spec, types)]
    .map((line) => (line === "" ? "" : `  ${line}`))
    .join("\n");
  const used = ["clock", "fail", "kb", "log", "model", "random"].filter((name) =>
    new RegExp(`(?<![\\w."])${name}(?=[.(])`).test(body),
  );
  const names = [
    ...used,
    ...(typed ? ["type Invocation", "type Outputs", ...(used.includes("fail") ? ["type AgentFailure"] : [])] : []),
  ];
  const gives = typed ? `: Promise<Outputs${used.includes("fail") ? " | AgentFailure" : ""}>` : "";
  return [
    `/** ${spec.description} */`,
    ...(names.length > 0 ? [`import { ${names.join(", ")} } from "runloop";`] : []),
    "",
    ...(typed ? [] : ['/** @type {import("runloop").Agent} */']),
    `export default async function agent(call${typed ? ": Invocation" : ""})${gives} {`,
    body,
    "}",
    "",
  ].join("\n");
}

function readLines(spec: AgentSpec): string[] {
  return spec.inputs.flatMap((port, index) => {
    const name = localName(port);
    const text = port.type === "text.v1" ? `String(${name})` : `JSON.stringify(${name})`;
    return [
      `const ${name} = call.inputs.${port.name};`,
      ...(port.required
        ? [
            `if (${name} === undefined) return fail(${JSON.stringify(`${spec.name}.nothing`)}, ${JSON.stringify(`nothing arrived on ${port.name}`)});`,
          ]
        : []),
      index === 0
        ? `let answer = ${port.required ? text : `${name} === undefined ? "" : ${text}`};`
        : `${port.required ? "" : `if (${name} !== undefined) `}answer += "\\n" + ${text};`,
      "",
    ];
  });
}

function capLines(spec: AgentSpec): string[] {
  return [
    ...(has(spec, "kb_read") ? ["for (const note of await kb.search(answer)) answer += `\\n- ${note.title}`;", ""] : []),
    ...(has(spec, "model")
      ? [
          "// Where no model is configured, the built-in template filler answers with the template behind `local`.",
          'const local = { template: "{{text}}", data: { text: answer } };',
          "const written = await model.complete(`Put this into one friendly sentence:\\n\\n${answer}`, { local });",
          "answer = written.text;",
          "",
        ]
      : []),
    ...(has(spec, "time") ? ['log.info("the run\'s own clock", { now: new Date().toISOString() });', ""] : []),
    ...(has(spec, "random") ? ['log.info("drawn from the run\'s seed", { unit: Math.random() });', ""] : []),
    ...(has(spec, "kb_write")
      ? [`await kb.propose({ kind: "note.added", payload: { title: ${JSON.stringify(NOTED)}, text: answer } });`, ""]
      : []),
    ...(has(spec, "net") ? ["// `await fetch(url)` reaches the hosts that policy.caps names.", ""] : []),
    ...(has(spec, "actions")
      ? ["// `await actions.propose(kind, arguments)` asks for an external action; a person decides before it happens.", ""]
      : []),
  ];
}

function sendLines(spec: AgentSpec, types: TypeRegistry): string[] {
  const values = spec.outputs.map(({ name, type }) => `${name}: ${expression(type, types)}`);
  const line = `return { ${values.join(", ")} };`;
  return line.length <= 100 ? [line] : ["return {", ...values.map((value) => `  ${value},`), "};"];
}

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
      return "{ text: answer }";
    default:
      return JSON.stringify(exampleOf(type, types));
  }
}
