/** Whether what trust rests on can be believed: keys, the trust policy, overrides, and where the home lies. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { RlpError } from "#core/errors.js";
import type { Home } from "#host/config/home.js";
import { lintOverrides, lintTrustPolicy, type HomeFinding } from "#host/capability/lint-home.js";
import type { Host } from "#host/host.js";
import { checkPrivateKeys, listKeys } from "#host/trust/keys.js";
import { broken, ok, reason, warning, type Finding } from "./finding.js";

export async function checkTrust(home: Home, host: Pick<Host, "agents" | "overrides">): Promise<readonly Finding[]> {
  const { keysDir, trustPolicyFile: policyFile } = home;
  try {
    const keys = listKeys(keysDir);
    const own = checkPrivateKeys(keysDir);
    const agents = new Map((await host.agents()).flatMap(({ name, face }) => (face ? [[name, face] as const] : [])));
    const told = [...lintTrustPolicy({ keysDir, policyFile }), ...lintOverrides(host.overrides, agents)].map(asFinding);
    const trusted = keys.filter(({ status }) => status === "trusted").length;
    const what = `${trusted} keys are trusted (${own.length > 0 ? `own: ${own.join(", ")}` : "none of its own yet"}), ${keys.length - trusted} revoked; ${existsSync(policyFile) ? "rules in trust-policy.toml" : "no trust policy"}`;
    const project = keys.length > 0 ? projectAround(home.root) : null;
    return [
      ...(told.some(({ status }) => status === "broken") ? [] : [ok("trust", what)]),
      ...told,
      ...(project === null
        ? []
        : [
            warning(
              "trust",
              `this home lies in the project ${project}: whoever writes there says whom you trust`,
              "keep it out of version control, or take a home of your own (~/.runloop)",
            ),
          ]),
    ];
  } catch (error) {
    return [broken("trust", reason(error), (error instanceof RlpError ? error.hint : undefined) ?? "see docs/guides/trust.md")];
  }
}

function asFinding({ severity, file, message, hint }: HomeFinding): Finding {
  return (severity === "error" ? broken : warning)("trust", message.includes(file) ? message : `${file}: ${message}`, hint);
}

/** The nearest folder above that a version control keeps. */
function projectAround(root: string): string | null {
  for (let at = dirname(root); ; at = dirname(at)) {
    if ([".git", ".hg", ".svn", ".jj"].some((name) => existsSync(join(at, name)))) return at;
    if (dirname(at) === at) return null;
  }
}
