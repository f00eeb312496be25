/** A new agent in Rust: a program of the world `command`, which reads one JSON object and writes one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TypeRegistry } from "#openings/agent.js";
import { rustTemplate } from "#sdk/build/layout.js";
import { has, localName } from "./cases.js";
import { exampleOf } from "./example.js";
import type { AgentSpec, PortSpec } from "./spec.js";

export function rustFiles(spec: AgentSpec, types: TypeRegistry): ReadonlyMap<string, string> {
  const manifest = [
    "[package]",
    `name = "${spec.name}"`,
    'version = "0.1.0"',
    'edition = "2021"',
    "",
    "[profile.release]",
    'opt-level = "s"',
    "strip = true",
    "",
    "[workspace]",
    "",
  ];
  return new Map([
    ["Cargo.toml", manifest.join("\n")],
    [".gitignore", "/target\n"],
    ["src/main.rs", mainOf(spec, types)],
    ["src/json.rs", readFileSync(join(rustTemplate, "json.rs"), "utf8")],
  ]);
}

/** A Rust string of any text: JSON's escapes are not all of them Rust's. */
const raw = (text: string): string => {
  const hashes = "#".repeat((text.match(/"#*/g) ?? []).reduce((most, found) => Math.max(most, found.length), 0));
  return /["\\]/.test(text) ? `r${hashes}"${text}"${hashes}` : `"${text}"`;
};

/** As JavaScript's, in Rust's way of writing names. */
const name = (port: PortSpec): string => localName(port).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function mainOf(spec: AgentSpec, types: TypeRegistry): string {
  const body = [...readLines(spec), ...capLines(spec), ...sendLines(spec, types)].map((line) =>
    line === "" ? "" : `    ${line}`,
  );
  return [
    `//! ${spec.description}`,
    "mod json;",
    "",
    "use json::Json;",
    "use std::io::Read;",
    "",
    "/// One attempt: the invocation in, a value for each port out. An error ends it, and standard error says why.",
    "fn agent(call: &Json) -> Result<Json, String> {",
    ...body,
    "}",
    "",
    "/// The first value that arrived on a port.",
    "fn input<'a>(call: &'a Json, port: &str) -> Option<&'a Json> {",
    '    call.get("inputs")?.get(port)?.at(0)?.get("body")',
    "}",
    "",
    "fn main() {",
    "    let mut text = String::new();",
    "    let ended = std::io::stdin()",
    "        .read_to_string(&mut text)",
    "        .map_err(|error| error.to_string())",
    "        .and_then(|_| Json::parse(&text))",
    "        .and_then(|call| agent(&call));",
    "    match ended {",
    '        Ok(outputs) => print!("{outputs}"),',
    "        Err(why) => {",
    '            eprintln!("{why}");',
    "            std::process::exit(1);",
    "        }",
    "    }",
    "}",
    "",
  ].join("\n");
}

function readLines(spec: AgentSpec): string[] {
  return spec.inputs.flatMap((port, index) => {
    const local = name(port);
    const text = port.type === "text.v1" ? `${local}.text()` : `${local}.to_string()`;
    const missing = `.ok_or(${raw(`nothing arrived on ${port.name}`)})?`;
    if (port.required)
      return [
        `let ${local} = input(call, "${port.name}")${missing};`,
        index === 0 ? `let ${spec.inputs.length > 1 ? "mut " : ""}answer = ${text};` : `answer += &format!("\\n{}", ${text});`,
        "",
      ];
    const given = `if let Some(${local}) = input(call, "${port.name}") {`;
    return [
      ...(index === 0 ? ["let mut answer = String::new();"] : []),
      given,
      `    answer += &format!("${index === 0 ? "" : "\\n"}{}", ${text});`,
      "}",
      "",
    ];
  });
}

function capLines(spec: AgentSpec): string[] {
  return [
    ...(has(spec, "time")
      ? [
          "let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);",
          'eprintln!("the run\'s own clock: {} ms", now.map_or(0, |since| since.as_millis()));',
          "",
        ]
      : []),
    ...(has(spec, "random")
      ? [
          "let drawn = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1);",
          'eprintln!("drawn from the run\'s seed: {drawn}");',
          "",
        ]
      : []),
  ];
}

function sendLines(spec: AgentSpec, types: TypeRegistry): string[] {
  const values = spec.outputs.map((port) => `("${port.name}", ${expression(port.type, types)}),`);
  return ["Ok(Json::object([", ...values.map((value) => `    ${value}`), "]))"];
}

function expression(type: string, types: TypeRegistry): string {
  switch (type) {
    case "text.v1":
      return "Json::from(answer.as_str())";
    case "bool.v1":
      return "Json::Bool(!answer.is_empty())";
    case "number.v1":
      return "Json::Number(answer.encode_utf16().count() as f64)";
    case "json.v1":
    case "any":
      return 'Json::object([("text", Json::from(answer.as_str()))])';
    default:
      return `Json::parse(${raw(JSON.stringify(exampleOf(type, types)))})?`;
  }
}
