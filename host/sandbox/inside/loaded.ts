/** A component that is ready to be instantiated: its modules are compiled, and what its plan names has been looked up once. */
import { entry, functionOf } from "../../component/interfaces.js";
import type { HostImport, LinkPlan } from "../../component/plan.js";
import type { Json } from "#core/json.js";
import { jsonForm, nativeForm } from "../abi/form.js";
import { signatures, type GuestFunction, type HostFunction } from "../abi/signature.js";
import { suspends, type Native } from "./wasi/contract.js";

const json = signatures(jsonForm);
const native = signatures(nativeForm);

/** A host function that a component imports. */
export type BoundImport = HostImport & { readonly place: string; readonly hasResult: boolean } & (
    | { readonly kind: "agent"; readonly call: HostFunction<Json> }
    | { readonly kind: "wasi"; readonly call: HostFunction<Native>; readonly suspends: boolean }
  );

export interface LoadedComponent {
  readonly plan: LinkPlan;
  readonly modules: ReadonlyMap<string, object>;
  readonly host: readonly BoundImport[];
  readonly run: GuestFunction<Json>;
}

export function loaded(plan: LinkPlan, modules: ReadonlyMap<string, object>): LoadedComponent {
  return { plan, modules, host: plan.host.map(bound), run: json.guest(entry[plan.run.world]) };
}

function bound(given: HostImport): BoundImport {
  const { interface: key, function: name } = given;
  const type = functionOf(key, name);
  if (!type) throw new TypeError(`${key} has no function ${name}`);
  const hasResult = type.result !== null;
  if (!key.startsWith("wasi:")) return { ...given, place: `${key}.${name}`, hasResult, kind: "agent", call: json.host(type) };
  const place = `${key}#${name}`;
  return { ...given, place, hasResult, kind: "wasi", call: native.host(type), suspends: suspends(place) };
}
