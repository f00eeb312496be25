/**
 * The module around the code: that what was added is there, is what it should be, and can be reached by nothing of the guest's but
 * the sequences that function.ts knows.
 */
import type { MeterSettings } from "../limits.js";
import { IMPORTS, LEFT_EXPORT, NO_GRANT, RESERVED_MODULE, RESERVED_PREFIX, START_EXPORT } from "../protocol.js";
import { Reader } from "../reader.js";
import { decodeSteps, Op, type Step } from "./decode.js";
import type { ProvedMemory } from "./memory.js";
import { prove, unproven } from "./unproven.js";

const I32 = 0x7f;
const FUNCREF = 0x70;
/** Added functions: `refuel`, and payment by bytes, elements and pages. */
const HELPERS = 4;
/** Added function imports. */
const ADDED_IMPORTS = 3;
const HINTS = "metadata.code.branch_hint";

interface Signature {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

export interface ProvedModule {
  readonly types: readonly Signature[];
  /** Signature of each function, imports first. */
  readonly functions: readonly Signature[];
  /** Function imports, the added ones included. */
  readonly imported: number;
  readonly left: number;
  readonly depth: number;
  readonly refused: number;
  /** It defines none: what was its own is imported, the last of all imports. */
  readonly memory: ProvedMemory | null;
  readonly fuel: number;
  readonly pause: number;
  readonly deep: number;
  /** `refuel`; the other helpers follow it. */
  readonly refuel: number;
  /** Functions that something other than a direct call reaches; and those that another module may call. */
  readonly escaping: ReadonlySet<number>;
  readonly enterable: ReadonlySet<number>;
  /** A call through a table may leave the module. */
  readonly foreign: boolean;
  readonly bodies: readonly Reader[];
}

type Contents = ReadonlyMap<number, Reader>;

function contentsOf(bytes: Uint8Array): Contents {
  const reader = new Reader(bytes);
  reader.skip(8);
  const contents = new Map<number, Reader>();
  while (!reader.done) {
    const id = reader.byte();
    const content = reader.part(reader.u32());
    if (id === 0) prove(content.name() === HINTS, "a custom section of the guest's", content.from);
    else {
      prove(!contents.has(id), "a section twice", content.from);
      contents.set(id, content);
    }
  }
  return contents;
}

function* entries(contents: Contents, id: number): Generator<Reader> {
  const reader = contents.get(id);
  if (!reader) return;
  for (let left = reader.u32(); left > 0; left--) yield reader;
  prove(reader.done, `section ${id} has bytes left over`, reader.at);
}

function signatureOf(reader: Reader): Signature {
  prove(reader.byte() === 0x60, "a type that is not a function's", reader.at - 1);
  const list = (): number[] => Array.from({ length: reader.count("types", 1_000) }, () => reader.byte());
  return { params: list(), results: list() };
}

function proveLimits(reader: Reader, cap: number): { readonly min: number; readonly max: number } {
  const at = reader.at;
  prove(reader.byte() === 1, "a memory or table without a maximum", at);
  const [min, max] = [reader.u32(), reader.u32()];
  prove(max <= cap, "a maximum above its cap", at);
  return { min, max };
}

/** `signature` as text, to compare. */
const shown = ({ params, results }: Signature): string => `${params.join()}>${results.join()}`;

export function proveModule(bytes: Uint8Array, settings: MeterSettings): ProvedModule {
  const contents = contentsOf(bytes);
  const types: Signature[] = [];
  for (const reader of entries(contents, 1)) types.push(signatureOf(reader));
  const functions: Signature[] = [];
  const names: string[] = [];
  let globals = 0;
  let memory: ProvedMemory | null = null;
  let foreign = types.some(({ params, results }) => [...params, ...results].includes(FUNCREF));
  const typeAt = (reader: Reader): Signature => types[reader.u32()] ?? unproven("no such type", reader.at);

  for (const reader of entries(contents, 2)) {
    const [module, name, kind] = [reader.name(), reader.name(), reader.byte()];
    if (kind === 0) {
      const signature = typeAt(reader);
      functions.push(signature);
      names.push(`${module} ${name} ${shown(signature)}`);
    } else if (kind === 1) {
      foreign = true;
      reader.byte();
      proveLimits(reader, settings.tableElements);
    } else if (kind === 2) {
      prove(memory === null, "several memories", reader.at);
      memory = { module, name, ...proveLimits(reader, settings.memoryPages) };
    } else {
      const [type, mutable] = [reader.byte(), reader.byte()];
      foreign ||= type === FUNCREF;
      names.push(`${module} ${name} ${type} ${mutable}`);
      globals++;
    }
    if (kind === 1 || kind === 2) names.push(`${module} ${name}`);
  }
  // Behind the others stands what was the guest's own memory: which it must be, memory.ts knows.
  const ownMemory: ProvedMemory | null = memory?.module === RESERVED_MODULE ? memory : null;
  const added = [
    `${RESERVED_MODULE} ${IMPORTS.fuel} ${I32}>${I32}`,
    `${RESERVED_MODULE} ${IMPORTS.pause} >${I32}`,
    `${RESERVED_MODULE} ${IMPORTS.deep} >`,
    `${RESERVED_MODULE} ${IMPORTS.depth} ${I32} 1`,
    `${RESERVED_MODULE} ${IMPORTS.refused} ${I32} 1`,
    ...(ownMemory ? [`${RESERVED_MODULE} ${ownMemory.name}`] : []),
  ];
  prove(names.slice(-added.length).join("\n") === added.join("\n"), "the added imports are not in their place");
  for (const name of names.slice(0, -added.length))
    prove(!name.startsWith(`${RESERVED_MODULE} `) && !name.includes(RESERVED_PREFIX), "the guest imports a reserved name");
  const imported = functions.length;
  const depth = globals - 2;
  const refused = globals - 1;

  for (const reader of entries(contents, 3)) functions.push(typeAt(reader));
  const refuel = functions.length - HELPERS;
  prove(refuel >= imported, "the added functions are missing");
  const helpers = [">", `${I32}>${I32}`, `${I32}>${I32}`, `${I32}>${I32}`];
  prove(functions.slice(refuel).map(shown).join("\n") === helpers.join("\n"), "the added functions have other types");

  for (const reader of entries(contents, 4)) {
    reader.byte();
    proveLimits(reader, settings.tableElements);
  }
  prove(!contents.has(5), "a memory of its own");

  const own = new Set<number>([imported - 3, imported - 2, imported - 1, refuel, refuel + 1, refuel + 2, refuel + 3]);
  const escaping = new Set<number>();
  const exported = new Set<number>();
  const escape = (index: number, at: number): void => {
    prove(!own.has(index), "something refers to a function that was added", at);
    escaping.add(index);
  };
  const ownGlobals = new Set<number>([depth, refused]);
  const constant = (reader: Reader): readonly Step[] => {
    const steps = decodeSteps(reader);
    for (const { op, value, start } of steps) {
      if (op === Op.refFunc) escape(value, start);
      if (op === Op.globalGet) prove(!ownGlobals.has(value), "a constant expression reads an added global", start);
    }
    return steps;
  };

  let last = "";
  for (const reader of entries(contents, 6)) {
    const [type, mutable] = [reader.byte(), reader.byte()];
    foreign ||= type === FUNCREF;
    const steps = constant(reader);
    last = `${type} ${mutable} ${steps.map(({ op, value }) => `${op} ${value}`).join(" ")}`;
    globals++;
  }
  prove(last === `${I32} 1 ${Op.i32Const} ${NO_GRANT} ${Op.end} 0`, "the counter is not in its place");
  const left = globals - 1;

  let counters = 0;
  let starts = 0;
  for (const reader of entries(contents, 7)) {
    const [name, kind, index] = [reader.name(), reader.byte(), reader.u32()];
    if (kind === 0) {
      escape(index, reader.at);
      exported.add(index);
    }
    foreign ||= kind === 1;
    if (name === LEFT_EXPORT) {
      prove(kind === 3 && index === left, "another thing is exported as the counter", reader.at);
      counters++;
    } else if (name === START_EXPORT) {
      prove(
        kind === 0 && shown(functions[index] ?? unproven("no such function", reader.at)) === ">",
        "another thing is exported as the start function",
        reader.at,
      );
      starts++;
    } else {
      prove(!name.startsWith(RESERVED_PREFIX), "the guest exports a reserved name", reader.at);
      prove(kind !== 3 || (index !== left && !ownGlobals.has(index)), "an added global is exported", reader.at);
    }
  }
  prove(counters === 1, "the counter is not exported");
  prove(starts <= 1 && !contents.has(8), "a start function would run before its counter can be granted anything");
  for (const reader of entries(contents, 9)) {
    const form = reader.u32();
    const active = (form & 1) === 0;
    if (active && (form & 2) !== 0) reader.u32();
    if (active) constant(reader);
    if ((form & 3) !== 0) reader.byte();
    for (let count = reader.u32(); count > 0; count--) {
      if ((form & 4) !== 0) constant(reader);
      else escape(reader.u32(), reader.at);
    }
  }
  for (const reader of entries(contents, 11)) {
    if (reader.u32() === 0) constant(reader);
    reader.skip(reader.u32());
  }
  for (const index of escaping) foreign ||= index < imported;

  const bodies = [...bodiesOf(contents)];
  prove(bodies.length === functions.length - imported, "functions and bodies differ in number");
  return {
    types,
    functions,
    imported,
    left,
    depth,
    refused,
    memory,
    fuel: imported - ADDED_IMPORTS,
    pause: imported - ADDED_IMPORTS + 1,
    deep: imported - ADDED_IMPORTS + 2,
    refuel,
    escaping,
    enterable: foreign ? escaping : exported,
    foreign,
    bodies,
  };
}

function* bodiesOf(contents: Contents): Generator<Reader> {
  for (const reader of entries(contents, 10)) yield reader.part(reader.u32());
}
