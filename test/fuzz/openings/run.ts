/** Files that are nearly openings, in both forms: an answer to each, soon, with places inside the file; and `rlp fmt` keeps what it means. */
import { canonicalJson } from "#core/json.js";
import { noGrant, type AgentCatalog } from "#openings/agent.js";
import { formatOpening } from "#openings/formatting/format-opening.js";
import { compileOpening } from "#openings/language/compile.js";
import { formatDiagnostic } from "#openings/language/format.js";
import { schemaRegistry } from "#openings/types/registry.js";
import { Choices } from "../choices.js";

export interface Tally {
  readonly files: number;
  readonly valid: number;
  /** Milliseconds of processor time of the slowest one. */
  readonly slowest: number;
  readonly findings: number;
}

/** Processor time that one file may take, in milliseconds; the corpus takes a few each. What others do on the machine does not count. */
const SOON_MS = 2_000;

function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const pieces = [
  ..."{}[](),:;.=<>!&*|>-?%@`#'\"\\\t\r\n /0",
  ..."-> := == != >= {{ }} {{params.x}} // $0.05 30s tokens fuel opening agent( nodes: edges: budget: exists( true null 1e999 \\ud83d é 漢 \u202e \u0000 \ufeff".split(
    " ",
  ),
];

const agents: AgentCatalog = {
  get: (name) => ({
    name,
    version: "0.1.0",
    description: "",
    digest: "0".repeat(64) as never,
    inputs: { in: { types: ["any"], required: false }, error: { types: ["any"], required: false } },
    outputs: { out: { types: ["any"], required: false } },
    withSchema: {},
    grant: noGrant,
    imports: [],
    optionalImports: [],
    limits: { memory_mib: 1, fuel: 1, wall_ms: 1 },
    schemas: {},
  }),
  names: () => ["echo"],
};
const world = { agents, types: schemaRegistry({}), params: {}, defaults: { confirm_external: true } };

export function fuzzOpenings(
  corpus: readonly Uint8Array[],
  { seed, programs, until }: { readonly seed: number; readonly programs: number; readonly until: number },
  say: (line: string) => void,
): Tally {
  let [files, valid, slowest, findings] = [0, 0, 0, 0];
  for (; files < programs && Date.now() < until; files++) {
    const bytes = mutated(corpus, Choices.seeded(seed + files));
    const began = processorMs();
    try {
      if (examine(bytes)) valid++;
      const took = processorMs() - began;
      slowest = Math.max(slowest, took);
      if (took > SOON_MS) throw new Error(`took ${Math.round(took)} ms`);
    } catch (error) {
      findings++;
      say(`seed ${seed + files} (--seed ${seed + files} --programs 1): ${String(error)}`);
    }
  }
  return { files, valid, slowest, findings };
}

export const describe = ({ files, valid, slowest, findings }: Tally): string =>
  `${files} files, ${valid} of them openings, the slowest took ${Math.round(slowest)} ms: ${findings} findings`;

function mutated(corpus: readonly Uint8Array[], choices: Choices): Uint8Array {
  let bytes: Uint8Array = choices.pick(corpus);
  for (let count = choices.below(8); count > 0; count--) {
    const at = choices.below(bytes.length + 1);
    const other = choices.pick(corpus);
    const from = choices.below(other.length + 1);
    const insert = choices.once(4)
      ? other.subarray(from, from + choices.below(200))
      : new TextEncoder().encode(choices.pick(pieces).repeat(choices.once(20) ? 1 + choices.below(300) : 1));
    bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + choices.below(12))]);
  }
  return bytes;
}

/** Whether it is an opening. Throws where something is not as it must be. */
function examine(bytes: Uint8Array): boolean {
  const { opening, diagnostics } = compileOpening({ file: "f", bytes }, world);
  if ((opening === null) !== diagnostics.some(({ severity }) => severity === "error"))
    throw new Error("an opening with errors, or none without");
  const { length } = new TextDecoder().decode(bytes);
  for (const each of diagnostics) {
    if (each.span.start < 0 || each.span.start > each.span.end || each.span.end > length)
      throw new Error(`a place outside of the file: ${each.code}`);
    if (/[^\P{Cc}\n]/u.test(formatDiagnostic(each))) throw new Error(`a control character in ${each.code}`);
  }
  const made = formatOpening("f", bytes);
  if (opening && !made.ok) throw new Error("an opening that cannot be formatted");
  if (!made.ok) return false;
  const again = formatOpening("f", new TextEncoder().encode(made.text));
  if (!again.ok || again.text !== made.text) throw new Error("formatting twice is not formatting once");
  if (!opening) return false;
  const after = compileOpening({ file: "f", bytes: new TextEncoder().encode(made.text) }, world).opening;
  if (!after || canonicalJson(after) !== canonicalJson(opening)) throw new Error("formatting changed what it means");
  return true;
}
