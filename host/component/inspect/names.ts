/**
 * Names that a component may carry, recursively: an allow-list of characters. Code generators have been seen to paste such names
 * into source text as they came, so nothing here may ever mean something to one: no quote, back-tick, backslash, space, control
 * character, line separator, comment, nor a name that JavaScript's own objects answer to.
 */
import type { Reader } from "./reader.js";
import { Refusal, type RefusalCode } from "./refusal.js";

/** Words of small letters, or of capitals: `HTTP-request-denied`. */
const LABEL = "(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*";
const SEMVER = "(?:0|[1-9][0-9]{0,5})(?:\\.(?:0|[1-9][0-9]{0,5})){2}(?:-[a-z0-9.-]{1,32})?";
const label = new RegExp(`^${LABEL}$`);
const interfaceName = new RegExp(`^${LABEL}:${LABEL}/${LABEL}(?:@${SEMVER})?$`);
const functionName = new RegExp(`^(?:${LABEL}|\\[constructor\\]${LABEL}|\\[(?:method|static)\\]${LABEL}\\.${LABEL})$`);
/** The standard tools tell apart by ` [v2]` what a module imports twice under one name, as every program of Go does. */
const coreName = /^[A-Za-z0-9_$.:/@#|[\]-]+(?: \[v[1-9][0-9]{0,3}\])?$/;

const reserved = new Set([
  "then",
  "prototype",
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.getOwnPropertyNames(Function.prototype).filter((name) => /[A-Z]|^(?:apply|bind)$/.test(name)),
]);

/** Printable, whatever the name holds: it goes into a message. */
export const shown = (name: string): string =>
  JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (hidden) => `\\u${hidden.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

function check(name: string, allowed: RegExp, what: string, code: RefusalCode = "ADMIT_NAME"): string {
  if (name.length <= 128 && allowed.test(name) && !reserved.has(name)) return name;
  throw new Refusal(
    code,
    `${shown(name)} is not a name that ${what} may have`,
    "names are built of letters, digits and a few ASCII marks; rebuild the component with an unmodified toolchain",
  );
}

/** A field, case, parameter, type or plain function. */
export const checkLabel = (name: string): string => check(name, label, "a field, parameter or type");
export const checkFunction = (name: string): string => check(name, functionName, "a function");
/** An import or export of the component: an interface with its package and version, or a plain name. */
export const checkExtern = (name: string): string =>
  check(name, name.includes(":") ? interfaceName : label, "an import or export of a component");
/** A core module's import or export. Older toolchains link their shims under the empty module name. */
export const checkCore = (name: string): string =>
  name === "" ? name : check(name, coreName, "an import or export of a core module");

/** An import's or export's name with the byte before it that says that no version suffix follows. */
export function externName(reader: Reader): string {
  reader.expect(0, "a name");
  return reader.name();
}

/** `checkExtern` for what stands at a component's border, its own or that of one inside. */
export const borderName = (reader: Reader): string => checkExtern(externName(reader));

/** What an instance holds: an interface, a function or a type. */
export const checkLabelled = (name: string): string => (name.startsWith("[") ? checkFunction(name) : checkExtern(name));
