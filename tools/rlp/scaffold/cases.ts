/**
 * What the first source of a new agent computes, in whatever language: it is small, runs, and uses each thing that it was scaffolded with, so
 * that an author changes rather than begins. Its first tests expect just this.
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

export const has = ({ caps }: AgentSpec, name: string): boolean => caps.some((cap) => cap.name === name);

/** A name that is free in the generated function, whatever the ports are called. */
export const localName = (port: PortSpec): string =>
  `${port.name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}In`;

/** Title of the note that an agent with `kb_write` writes. */
export const NOTED = "an agent's note";

/** The cases that the first source passes. */
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
              failure: nothingArrived(spec, empty),
            },
          },
        ]
      : []),
  ];
}

/** A program says so by its exit status and its standard error. */
function nothingArrived({ name, lang }: AgentSpec, port: PortSpec): Record<string, Json> {
  const message = `nothing arrived on ${port.name}`;
  return lang === "rust"
    ? { code: "agent.exit", message: `exit status 1: ${message}` }
    : { code: `${name}.nothing`, message, retryable: false };
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
