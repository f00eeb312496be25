/** Host functions that answer from a script, each function's answers in their order. What is not granted is denied all the same. */
import { canonicalJson, parseJson, type Json } from "#core/json.js";
import { linkedInterfaces } from "../capability/link.js";
import type { WitFunction } from "../component/type.js";
import { interfaces } from "../component/wit.js";
import { CallDenied, CallFailure, type CallContext, type CallResult, type HostFunctions } from "../imports/interface.js";
import { AnswerMisfit, wireForm } from "./answer.js";
import { differences } from "./difference.js";
import type { ScriptedAnswer, TrialCase } from "./case.js";

/** Answered in the sandbox process from the seed, the fuel and the state: there is nothing to script. */
const LOCAL = new Set(["types", "log", "clock", "random", "state"]);

export interface Script {
  readonly functions: HostFunctions;
  /** What the agent asked otherwise than the script has it, and answers that nobody asked for. Complete once the attempt has ended. */
  faults(): readonly string[];
}

export function script(answers: TrialCase["answers"]): Script {
  const faults: string[] = [];
  const given = new Map(Object.entries(answers));
  const known = Object.entries(interfaces)
    .filter(([name]) => !LOCAL.has(name))
    .flatMap(([name, { functions }]) =>
      Object.entries(functions).map(([func, shape]) => ({ name: `${name}.${func}`, interface: name, shape })),
    );
  const names = known.map(({ name }) => name);
  for (const name of given.keys())
    if (!names.includes(name)) faults.push(`answers: there is no function \`${name}\` to answer for`);
  const used = new Map<string, number>();

  const answer = async (entry: (typeof known)[number], context: CallContext, args: readonly Json[]): Promise<CallResult> => {
    if (!linkedInterfaces(context.agent, context.grant).includes(entry.interface))
      throw new CallDenied({ cap: entry.interface, target: entry.name, reason: "the policy does not grant it" });
    const turn = used.get(entry.name) ?? 0;
    used.set(entry.name, turn + 1);
    const next = given.get(entry.name)?.[turn];
    const place = `answers/${entry.name}/${turn}`;
    if (!next) {
      faults.push(`${place}: the agent calls \`${entry.name}\` with ${shown(args)}, and the case has no answer for it`);
      throw new CallFailure("failed", "the case has no answer for this call");
    }
    if (next.args) faults.push(...differences(next.args, alike(next.args, args)).map((line) => `${place}/args${line}`));
    if ("err" in next) return { answer: { err: next.err }, labels: [] };
    try {
      return { answer: { ok: wireForm(okType(entry.shape), next.ok) }, labels: [] };
    } catch (error) {
      if (!(error instanceof AnswerMisfit)) throw error;
      faults.push(`${place}/ok: ${error.message}`);
      throw new CallFailure("failed", "the case's answer does not fit this call");
    }
  };

  return {
    functions: new Map(
      known.map((entry) => [entry.name, (context: CallContext, args: readonly Json[]) => answer(entry, context, args)]),
    ),
    faults: () => [...faults, ...unasked(given, used, names)],
  };
}

function unasked(
  given: ReadonlyMap<string, readonly ScriptedAnswer[]>,
  used: ReadonlyMap<string, number>,
  names: readonly string[],
): string[] {
  return [...given].flatMap(([name, list]) => {
    const asked = used.get(name) ?? 0;
    return names.includes(name) && asked < list.length
      ? [`answers/${name}/${asked}: never asked for (${asked} of ${list.length} were)`]
      : [];
  });
}

function okType(shape: WitFunction) {
  if (shape.result?.kind !== "result" || shape.result.ok === null) throw new AnswerMisfit("the function gives no value");
  return shape.result.ok;
}

/** JSON text among the arguments, where the case has written down the value that it holds. */
function alike(expected: readonly Json[], args: readonly Json[]): readonly Json[] {
  return args.map((arg, index) => {
    if (typeof arg !== "string" || typeof expected[index] === "string") return arg;
    try {
      return parseJson(arg);
    } catch {
      return arg;
    }
  });
}

function shown(args: readonly Json[]): string {
  const text = canonicalJson(args);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
