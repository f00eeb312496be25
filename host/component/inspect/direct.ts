/**
 * A plan without trampolines: our binder looks a function's memory up when the function is called, so a module can be given host functions
 * before its memory is there. What a trampoline would have cost is kept as the function's toll: a guest pays, at the same place, what it paid.
 */
import type { CoreRef, ImportSource, LinkPlan } from "../plan.js";
import type { CoreModule, CoreSignature } from "./core.js";
import { readFiller, readTrampolines } from "./trampoline.js";

type HostSource = Extract<ImportSource, { kind: "host" }>;

/** The plan as it came, where it has no trampolines or they do anything but lead to the host. */
export function direct(plan: LinkPlan, modules: ReadonlyMap<string, CoreModule>): LinkPlan {
  const moduleAt = (instance: number): CoreModule => modules.get(plan.instances[instance]!.module)!;
  for (const [index, { imports }] of plan.instances.entries()) {
    const trampolines = imports.length === 0 ? readTrampolines(moduleAt(index)) : null;
    if (!trampolines) continue;
    const isTable = ({ source }: { source: ImportSource }): boolean =>
      source.kind === "export" && source.ref.instance === index && source.ref.name === trampolines.table;
    const fillers = plan.instances.flatMap((instance, at) => (instance.imports.some(isTable) ? [at] : []));
    const filler = fillers.length === 1 ? readFiller(moduleAt(fillers[0]!)) : null;
    if (!filler) continue;
    const [filling] = fillers as [number];
    /** The host function behind an export of the trampolines, if it has the type that is wanted of it all the way. */
    const behind = (name: string, wanted: CoreSignature | null): HostSource | null => {
      const trampoline = trampolines.functions.get(name);
      const slot = trampoline && filler.slots[trampoline.slot];
      if (!slot) return null;
      const is = (given: { module: string; name: string }): boolean => given.module === slot.module && given.name === slot.name;
      const source = plan.instances[filling]!.imports.find(is)?.source;
      const type = moduleAt(filling).imports.find(is)?.signature ?? null;
      const own = moduleAt(index).exports.get(name)?.signature ?? null;
      if (source?.kind !== "host" || !same(type, wanted) || !same(own, wanted)) return null;
      return { ...source, toll: source.toll + trampoline.fuel };
    };
    const straight = without(plan, [index, filling], moduleAt, behind);
    if (straight) return direct(straight, modules);
  }
  return plan;
}

/** Null where something refers to the two instances in another way than by a function behind the trampolines. */
function without(
  plan: LinkPlan,
  [trampolines, filler]: readonly [number, number],
  moduleAt: (instance: number) => CoreModule,
  behind: (name: string, wanted: CoreSignature | null) => HostSource | null,
): LinkPlan | null {
  let fits = true;
  const gone = (instance: number): boolean => instance === trampolines || instance === filler;
  const moved = <R extends CoreRef | null>(ref: R): R => {
    if (ref === null) return ref;
    if (gone(ref.instance)) fits = false;
    return { ...ref, instance: ref.instance - Number(ref.instance > trampolines) - Number(ref.instance > filler) };
  };
  const rerouted = (source: ImportSource, wanted: CoreSignature | null): ImportSource => {
    if (source.kind !== "export") return source;
    if (source.ref.instance !== trampolines) return { ...source, ref: moved(source.ref) };
    const found = behind(source.ref.name, wanted);
    fits &&= found !== null;
    return found ?? source;
  };
  const instances = plan.instances.flatMap((instance, index) =>
    gone(index)
      ? []
      : [
          {
            ...instance,
            imports: instance.imports.map((given, at) => ({
              ...given,
              source: rerouted(given.source, moduleAt(index).imports[at]!.signature),
            })),
          },
        ],
  );
  const run = plan.run;
  const straight: LinkPlan = {
    instances,
    host: plan.host.map((given) => ({ ...given, memory: moved(given.memory), realloc: moved(given.realloc) })),
    memory: moved(plan.memory),
    run: {
      ...run,
      core: moved(run.core),
      memory: moved(run.memory),
      realloc: moved(run.realloc),
      postReturn: moved(run.postReturn),
    },
  };
  return fits ? straight : null;
}

const same = (a: CoreSignature | null, b: CoreSignature | null): boolean =>
  a !== null && b !== null && a.params.join() === b.params.join() && a.results.join() === b.results.join();
