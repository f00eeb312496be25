/** What is wrong, or without effect, in what an operator says of agents: the trust policy and the overrides. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { RlpError, formatPlace } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import type { AgentInterface } from "#openings/agent.js";
import { listKeys } from "../trust/keys.js";
import { trustPolicy, type TrustPlaces } from "../trust/standing.js";
import { hostLayers, overrideFile, type OverridePlace } from "./layers.js";
import type { Finding } from "./lint.js";

export type HomeFinding = Finding & { readonly file: string };

const ENDING = ".caps";

export function lintTrustPolicy(places: TrustPlaces): readonly HomeFinding[] {
  const file = places.policyFile;
  const warning = (cap: string, message: string, hint: string): HomeFinding => ({
    severity: "warning",
    file,
    cap,
    message,
    hint,
  });
  try {
    const { keys, reduced } = trustPolicy(places);
    const revoked = new Set(
      listKeys(places.keysDir)
        .filter(({ status }) => status === "revoked")
        .map(({ name }) => name),
    );
    return [
      ...[...keys.keys()]
        .filter((name) => revoked.has(name))
        .map((name) => warning(`keys.${name}`, "the key is revoked, so the rule has no effect", "take it out")),
      ...[...reduced]
        .filter(([, digest]) => digest === null)
        .map(([name]) =>
          warning(
            `agents.${name}`,
            "less than the full cage is accepted for every agent of that name in this home, now and later",
            "name its component too: digest = … (`rlp agent inspect`)",
          ),
        ),
    ];
  } catch (error) {
    return [asFinding(error, file, "trust")];
  }
}

/** `agents`: every agent that there is, with its bundle's own policy. */
export function lintOverrides(
  places: readonly OverridePlace[],
  agents: ReadonlyMap<string, Pick<AgentInterface, "grant">>,
  only?: string,
): readonly HomeFinding[] {
  return places.flatMap(({ layer, dir }) =>
    namesIn(dir).flatMap((name): readonly HomeFinding[] => {
      const file = join(dir, name);
      const agent = basename(name, ENDING);
      if (only !== undefined && agent !== only) return [];
      const finding = (message: string, hint: string): HomeFinding => ({ severity: "warning", file, cap: layer, message, hint });
      if (!name.endsWith(ENDING) || !IDENTIFIER.test(agent))
        return [finding("it is never read", `an override is called <agent>${ENDING}, as the agent is`)];
      const known = agents.get(agent);
      if (!known)
        return [
          finding(
            `this home has no agent \`${agent}\``,
            "`rlp agent list` shows the names; it counts for one that an opening brings",
          ),
        ];
      try {
        const [read] = hostLayers(known.grant, agent, null, [{ layer, dir }]).layers;
        const added = read?.ignored ?? [];
        if (added.length > 0) return [finding(`it cannot add, and this is ignored: ${added.join("; ")}`, "take it out")];
        if (read && read.took.length === 0)
          return [finding("it takes nothing from the agent", "take it out, or name what it is to take")];
        return [];
      } catch (error) {
        return [asFinding(error, overrideFile(dir, agent), layer)];
      }
    }),
  );
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return []; // not there: nobody says anything. What is there and cannot be read is met when the agent is used
  }
}

function asFinding(error: unknown, file: string, cap: string): HomeFinding {
  if (!(error instanceof RlpError)) throw error;
  const place = formatPlace(error.place);
  return {
    severity: "error",
    file,
    cap,
    message: place === "" ? error.message : `${error.message}, ${place}`,
    hint: error.hint ?? "mend the file",
  };
}
