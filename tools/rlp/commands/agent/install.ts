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
    .addHelpText(
      "after",
      examples(
        ["rlp agent install agents/note_taker", "from then on every opening finds it"],
        ["rlp agent install note_taker.tar.gz", "an archive of a bundle"],
      ),
    )
    .action(act(install));
}

async function install(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out, world } = context;
  const [what = ""] = args;
  const [host, { installAgent }, { checkSignature, signedText }] = await Promise.all([
    context.host(),
    import("#host/install/install.js"),
    import("#host/trust/signature.js"),
  ]);
  const { agentsDir, keysDir } = host.home;
  const installed = await installAgent(findBundle(context, what) ?? resolve(world.cwd, what), {
    agentsDir,
    inspect: (dir) => host.inspectAgent(dir),
    before: async (name) => (await host.agents()).find((agent) => agent.name === name)?.dir,
    mayInstall(dir) {
      const signed = checkSignature(dir, keysDir);
      if (signed.state === "invalid" || (signed.state === "valid" && signed.trust === "revoked"))
        throw new TrustError("TRUST_SIGNATURE", signedText(signed), { hint: "get the bundle again from somebody you trust" });
    },
    now: world.now,
  });
  const { face, dir } = installed;
  const may = capabilitiesOf(face.grant);
  const signed = checkSignature(dir, keysDir);
  if (!out.readable) out.data({ name: face.name, version: face.version, dir, digest: face.digest, granted: may, signed });
  else
    out.print(
      sheet([
        ["installed", `${face.name}@${face.version}`],
        ["folder", dir],
        ["digest", face.digest],
        ["signature", signedText(signed)],
        ["it may", may.join("; ") || "nothing beyond its ports and its log"],
      ]),
    );
  for (const { import: name, reason } of missingGrants(face))
    out.warn(`the component imports ${name}, and ${reason}: no run takes it`);
  if (signed.state !== "valid" || signed.trust !== "trusted")
    out.note("It is whole, but nobody whom you trust has signed it: look at what it may do before you run it.");
  return Exit.ok;
}
