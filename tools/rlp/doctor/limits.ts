/** What agents get at most here, and how many guests live at once. */
import type { Config } from "#host/config/schema.js";
import { limitNames } from "#host/limits/table.js";
import { mostInProcess } from "#host/sandbox/places.js";
import { ok, warning, type Finding } from "./finding.js";

export function checkLimits({ limits }: Config): Finding {
  const ceilings = limitNames.flatMap((name) => (limits[name] === null ? [] : [`${name} \u2264 ${limits[name]}`]));
  const perProcess = mostInProcess(limits.instances_per_process);
  const guests = `${perProcess} guests in a process, ${limits.instances} in all, ${limits.processes} processes of strangers`;
  const what = `${guests}; ${ceilings.length === 0 ? "no ceilings over what manifests ask for" : ceilings.join(", ")}`;
  return perProcess < limits.instances_per_process
    ? warning(
        "limits",
        `${what} (the system's vm.max_map_count allows no more than ${perProcess} in a process; further guests wait)`,
        "`sysctl -w vm.max_map_count=262144`, or a lower limits.instances_per_process",
      )
    : ok("limits", what);
}
