/** From an opening file to one that can run: its agents loaded, the openings that it uses found and compiled with it. */
import { formatPlace, RlpError } from "#core/errors.js";
import { canonicalJson, type JsonObject } from "#core/json.js";
import type { AgentCatalog, AgentInterface, TypeRegistry } from "#openings/agent.js";
import { INNER_COMPILES, INNER_DEPTH, type OpeningCatalog } from "#openings/inner.js";
import { readSource, type CheckedOpening, type CompileWorld } from "#openings/language/compile.js";
import { ignoredText } from "../capability/layers.js";
import { PolicyError } from "../capability/policy.js";
import type { Catalog } from "../catalog/catalog.js";
import { AdmissionError } from "../component/error.js";
import type { Compiled } from "../run/contract.js";
import { TrustError } from "../trust/error.js";
import { findOpening, openingFolders, openingNames, readOpening } from "./file.js";

export type Purpose = NonNullable<CompileWorld["purpose"]>;

export interface CompilerOptions {
  readonly catalog: Catalog;
  readonly types: TypeRegistry;
  /** Where openings that others use are looked for, after the folder of the one that uses them. */
  readonly searchDirs: readonly string[];
  readonly defaults: CompileWorld["defaults"];
}

interface Source {
  readonly file: string;
  readonly bytes: Uint8Array;
}

type Inner = { readonly checked: CheckedOpening; readonly file: string } | { readonly refusal: string } | undefined;

/** Compiles one opening and all inside of it; what is used twice in the same way is compiled once. */
export class Compiler {
  private readonly agents = new Map<string, AgentInterface>();
  private readonly refused = new Map<string, RlpError>();
  private readonly notices = new Map<string, readonly string[]>();
  private readonly loading = new Map<string, Promise<void>>();
  private readonly inner = new Map<string, Promise<Inner>>();

  constructor(private readonly options: CompilerOptions) {}

  async compile(source: Source, params: JsonObject, purpose: Purpose): Promise<Compiled> {
    const { opening, diagnostics } = await this.check(source, params, purpose, [source.file]);
    return { file: source.file, opening, diagnostics, agents: this.agents, source: { bytes: source.bytes, params } };
  }

  /** `within`: the files around this one, itself the last. */
  private async check(source: Source, params: JsonObject, purpose: Purpose, within: readonly string[]): Promise<CheckedOpening> {
    const { types, defaults, searchDirs } = this.options;
    const read = readSource(source, { params, defaults });
    const folders = openingFolders(source.file, searchDirs);
    const found = new Map<string, Inner>();
    await Promise.all([
      // Of an unknown variant it is said whether there is the agent without it.
      ...read.uses.flatMap(({ agent, variant }) =>
        (variant === null ? [agent] : [`${agent}@${variant}`, agent]).map((name) => this.load(name)),
      ),
      ...read.inner.map(async ({ name, given }) =>
        found.set(useKey(name, given), await this.innerOpening(name, given, folders, within)),
      ),
    ]);
    return read.check({ agents: this.known(), types, openings: openingsOf(found, folders), purpose });
  }

  private innerOpening(name: string, given: JsonObject, folders: readonly string[], within: readonly string[]): Promise<Inner> {
    const file = findOpening(name, folders);
    if (file === undefined) return Promise.resolve(undefined);
    const circle = within.indexOf(file);
    if (circle >= 0) {
      const names = [...within.slice(circle), file].map((each) => each.replace(/^.*[\\/]/, ""));
      return Promise.resolve({ refusal: `the openings go in a circle: ${names.join(" → ")}` });
    }
    if (within.length > INNER_DEPTH)
      return Promise.resolve({ refusal: `openings inside of openings go ${INNER_DEPTH} deep at most` });
    // With the way there: were it shared between two ways, two openings that use each other would wait for each other.
    const key = useKey([...within, file].join("\n"), given);
    const known = this.inner.get(key);
    if (known) return known;
    if (this.inner.size >= INNER_COMPILES)
      return Promise.resolve({ refusal: `more than ${INNER_COMPILES} different uses of other openings` });
    const made = this.compileInner(name, file, given, within);
    this.inner.set(key, made);
    return made;
  }

  private async compileInner(name: string, file: string, given: JsonObject, within: readonly string[]): Promise<Inner> {
    try {
      const bytes = await readOpening(file);
      const checked = await this.check({ file, bytes }, given, "check", [...within, file]);
      const itsName = checked.opening?.name ?? name;
      return itsName === name ? { checked, file } : { refusal: `the opening in ${file} calls itself ${itsName}` };
    } catch (error) {
      if (!(error instanceof RlpError)) throw error;
      return { refusal: error.message };
    }
  }

  private load(name: string): Promise<void> {
    const known = this.loading.get(name);
    if (known) return known;
    const loading = this.options.catalog.has(name) ? this.loadAgent(name) : Promise.resolve();
    this.loading.set(name, loading);
    return loading;
  }

  private async loadAgent(name: string): Promise<void> {
    try {
      const { face, trust } = await this.options.catalog.load(name);
      this.agents.set(name, face);
      this.notices.set(name, (trust?.layers ?? []).filter(({ ignored }) => ignored.length > 0).map(ignoredText));
    } catch (error) {
      if (!(error instanceof AdmissionError || error instanceof PolicyError || error instanceof TrustError)) throw error;
      this.refused.set(name, error);
    }
  }

  private known(): AgentCatalog {
    const key = (name: string, variant: string | null): string => (variant === null ? name : `${name}@${variant}`);
    return {
      get: (name, variant) => this.agents.get(key(name, variant)),
      names: () => this.options.catalog.names(),
      notices: (name, variant) => this.notices.get(key(name, variant)) ?? [],
      refusal: (name, variant) => {
        const error = this.refused.get(key(name, variant));
        return error && { message: `${error.code}: ${error.message}, ${formatPlace(error.place)}`, hint: error.hint };
      },
    };
  }
}

const useKey = (name: string, given: JsonObject): string => `${name} ${canonicalJson(given)}`;

function openingsOf(found: ReadonlyMap<string, Inner>, folders: readonly string[]): OpeningCatalog {
  return {
    get(name, given) {
      const inner = found.get(useKey(name, given));
      return (inner && "checked" in inner && inner.checked.face) || undefined;
    },
    names: () => openingNames(folders),
    refusal(name, given) {
      const inner = found.get(useKey(name, given));
      if (!inner) return undefined;
      if ("refusal" in inner) return { message: inner.refusal };
      const first = inner.checked.diagnostics.find(({ severity }) => severity === "error");
      if (!first) return undefined;
      return {
        message: `${first.code} in ${first.file}, line ${first.line}: ${first.message}`,
        hint: `\`rlp check ${first.file}\` shows all that is wrong there`,
      };
    },
  };
}
