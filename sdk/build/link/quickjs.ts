/**
 * What componentize-qjs makes, as one core module: base (memory, table, snapshot), runtime (QuickJS) and bindings (made from the
 * WIT). The rest of its component, a preview-1 adapter, a loader of modules and stand-ins for all of WASI, is there for the build
 * only; here WASI's functions become traps. docs/internals/javascript.md tells why.
 */
import { unexpected } from "./bytes.js";
import { driverModule, INTRINSICS } from "./driver.js";
import { link, type Target } from "./link.js";
import { coreModules, Kind, type CoreModule, type Import } from "./module.js";

const AGENT_INTERFACE = /^runloop:agent\//;
/** The names by which the base knows its parts. */
const LIBRARY: Readonly<Record<string, string>> = { runtime: "componentize_qjs_runtime.wasm", bindings: "wit-dylib.wasm" };

export function linkQuickJs(component: Uint8Array): Uint8Array {
  const all = coreModules(component);
  const only = (what: string, fits: (module: CoreModule) => boolean): { path: string; module: CoreModule } => {
    const found = all.filter(({ module }) => fits(module));
    const [first] = found;
    if (!first || found.length > 1) throw unexpected(`${found.length} modules that could be its ${what}`);
    return first;
  };
  const base = only("base", ({ exports }) => exports.has("__heap_base") && exports.has("__stack_pointer"));
  const modules = new Map([
    ["base", base.module],
    ["runtime", only("runtime", ({ exports }) => exports.has("wit_dylib_initialize")).module],
    ["bindings", only("bindings", ({ exports }) => exports.has("finish") && !exports.has("__heap_base")).module],
    ["fixup", only("table of late bindings", ({ imports }) => isFixup(imports)).module],
    ["driver", driverModule()],
  ]);
  return link({
    modules,
    base: "base",
    resolve: (part, imported) => resolve(modules, part, imported),
    exports: [
      { name: "run", part: "driver", export: "run" },
      { name: "cabi_post_run", part: "bindings", export: "cabi_post_finish" },
      { name: "cabi_realloc", part: "bindings", export: "cabi_realloc" },
    ],
    // The fixup's second table holds what WASI's stand-ins are called through.
    keepsElements: (part, table) => part !== "fixup" || tableName(modules.get(part), table) === "__indirect_function_table",
  });
}

const isFixup = (imports: readonly Import[]): boolean =>
  imports.some(({ module }) => module === "actual") && imports.some(({ name }) => name === "__wasm_apply_data_relocs");

const tableName = (module: CoreModule | undefined, index: number): string | undefined =>
  module?.imports.filter(({ kind }) => kind === Kind.table)[index]?.name;

function resolve(modules: ReadonlyMap<string, CoreModule>, part: string, { module, name, kind }: Import): Target {
  if (AGENT_INTERFACE.test(module)) return { host: true };
  if (module === "bindings") return { part: "bindings", name };
  const intrinsic = module.endsWith("$root") ? INTRINSICS[name] : undefined;
  if (intrinsic !== undefined) return { part: "driver", name: intrinsic };
  const library = LIBRARY[part];
  const named = [...Object.entries(LIBRARY), ["base", "main"] as const].find(([, known]) => known === module);
  if (named) return { part: named[0], name };
  if (module === "env" && (name === "__memory_base" || name === "__table_base") && library !== undefined)
    return { part: "base", name: `${library}:${name.slice(2)}` };
  if (module === "GOT.func" && library !== undefined) return { part: "base", name: `${library}:${name}` };
  if (module === "GOT.mem") return { part: "base", name };
  if (module === "env") {
    const holder = (kind === Kind.func ? ["runtime", "bindings"] : ["base"]).find((each) => modules.get(each)?.exports.has(name));
    if (holder !== undefined) return { part: holder, name };
  }
  if (kind !== Kind.func) throw unexpected(`an import \`${name}\` of \`${module}\``);
  // Tells the adapter to forget what it holds; it is not there any more.
  return { standIn: name === "reset_adapter_state" ? "nothing" : "trap" };
}
