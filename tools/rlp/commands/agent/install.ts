/** `rlp agent install`: a bundle from a folder or an archive into this home. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import { missingGrants } from "#openings/check/grants.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import { TrustError } from "#host/trust/error.js";
import { findBundle } from "../../bundle.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { sheet } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<bundle>", "a bundle's folder, a .tar or a .tar.gz")
    .option(
      "--accept-reduced",
      "let it run in less than the full cage, where nobody vouches for it: written into trust-policy.toml",
    )
    .option("--allow-downgrade", "an older version in the place of a newer one, an unsigned one in the place of a signed one")
    .addHelpText(
      "after",
      examples(
        ["rlp agent install agents/note_taker", "from then on every opening finds it"],
        ["rlp agent install note_taker.tar.gz", "an archive of a bundle"],
      ),
    )
    .action(act(install));
}

interface Flags {
  readonly acceptReduced?: boolean;
  readonly allowDowngrade?: boolean;
}

async function install(context: Context, args: readonly string[], flags: Flags): Promise<ExitCode> {
  const { out, world } = context;
  const [what = ""] = args;
  const [host, { installAgent }, { judgeInstall, isReducedAccepted, standingText }, { addToTrustPolicy }] = await Promise.all([
    context.host(),
    import("#host/install/install.js"),
    import("#host/trust/standing.js"),
    import("#host/trust/policy.js"),
  ]);
  const { home } = host;
  const places = { keysDir: home.keysDir, policyFile: home.trustPolicyFile };
  const { face, dir, judged } = await installAgent(findBundle(context, what) ?? resolve(world.cwd, what), {
    agentsDir: home.agentsDir,
    versionsDir: home.versionsDir,
    inspect: (folder) => host.inspectAgent(folder),
    before: async (name) => (await host.agents()).find((agent) => agent.name === name)?.dir,
    judge: (agent) => judgeInstall(agent, places),
    allowDowngrade: flags.allowDowngrade === true,
    now: world.now,
  });
  const { standing, policy } = judged;
  const isStranger = standing.kind === "stranger";
  const accepted = isReducedAccepted(policy, face.name, face.digest, true);
  const rule = `[agents.${face.name}]\nisolation = "reduced"\ndigest = "${face.digest}"\n`;
  if (flags.acceptReduced && isStranger && !accepted)
    try {
      addToTrustPolicy(home.trustPolicyFile, rule);
      out.note(`It may run in less than the full cage from now on: [agents.${face.name}] in ${home.trustPolicyFile} says so.`);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      // A table of that name is there already: it is the person's own, and the agent is installed all the same.
      out.warn(
        `${home.trustPolicyFile} was left as it is (${error.message}); write there: ${rule.trimEnd().replaceAll("\n", ", ")}`,
      );
    }
  const { grant } = await host.grantIn(dir);
  const may = capabilitiesOf(grant);
  if (!out.readable) out.data({ name: face.name, version: face.version, dir, digest: face.digest, granted: may, standing });
  else
    out.print(
      sheet([
        ["installed", `${face.name}@${face.version}`],
        ["folder", dir],
        ["digest", face.digest],
        ["signature", standingText(standing)],
        ["it may", may.join("; ") || "nothing beyond its ports and its log"],
      ]),
    );
  for (const { import: name, reason } of missingGrants({ ...face, grant }))
    out.warn(`the component imports ${name}, and ${reason}: no run takes it`);
  if (!isStranger) return Exit.ok;
  out.note("It is whole, but nobody whom you trust has signed it: look at what it may do before you run it.");
  out.note(`  rlp caps show ${face.name}`);
  const { lacks } = await host.isolation();
  if (lacks !== null && !accepted && !flags.acceptReduced)
    out.warn(`this machine gives less than the full cage, which such an agent needs: ${lacks.why}; ${lacks.mend}`);
  return Exit.ok;
}
