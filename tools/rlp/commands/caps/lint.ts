/** `rlp caps lint`: what is wrong with a policy, and what it grants beyond need. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Exit, RlpError, UsageError, type ExitCode } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import type { Finding } from "#host/capability/lint.js";
import { findBundle } from "../../bundle.js";
import { shortPath, type Act, type Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("[policy]", "a policy.caps, or a bundle's folder; without it what this home says: trust-policy.toml and overrides")
    .addHelpText(
      "after",
      examples(
        ["rlp caps lint agents/note_taker", "with what its component imports; exit code 1 where something is wrong"],
        ["rlp caps lint policy.caps", "the policy alone"],
        ["rlp caps lint", "the home's trust policy, and the overrides for its agents"],
      ),
    )
    .action(act(lint));
}

async function lint(context: Context, args: readonly string[]): Promise<ExitCode> {
  const { out, world } = context;
  const [what] = args;
  if (what === undefined) return lintHome(context);
  const bundle = findBundle(context, what);
  const file = bundle === undefined ? resolve(world.cwd, what) : join(bundle, "policy.caps");
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UsageError("USAGE_NOT_FOUND", "there is no such policy, and no bundle", { place: { file } });
  const [host, { loadPolicy }, { lintDirectories, lintGrant, lintImports }] = await Promise.all([
    context.host(),
    import("#host/capability/policy.js"),
    import("#host/capability/lint.js"),
  ]);
  const policy = await loadPolicy(file);
  const found: Finding[] = [
    ...lintGrant(policy, new Set(host.actions.keys()), new Set(host.tools.keys())),
    ...(await lintDirectories(policy, host.directories)),
  ];
  let compared = false;
  if (bundle !== undefined)
    try {
      const { face } = await host.inspectAgent(bundle);
      if (face) {
        found.push(...lintImports(face));
        const { lintOverrides } = await import("#host/capability/lint-home.js");
        found.push(...lintOverrides(host.overrides, new Map([[face.name, face]]), face.name));
      }
      compared = true;
    } catch (error) {
      if (!(error instanceof RlpError)) throw error;
      found.push({
        severity: "warning",
        cap: "imports",
        message: `what the component imports was not compared (${error.code}: ${error.message})`,
        hint: "`rlp agent build` first",
      });
    }
  if (!out.readable) out.data({ file, compared, findings: found });
  else {
    print(context, found);
    if (found.length === 0) out.print(`${shortPath(file, world.cwd)}: nothing to mend`);
  }
  return exitOf(found);
}

async function lintHome(context: Context): Promise<ExitCode> {
  const { out } = context;
  const [host, { lintOverrides, lintTrustPolicy }] = await Promise.all([context.host(), import("#host/capability/lint-home.js")]);
  const { root, keysDir, trustPolicyFile } = host.home;
  const agents = new Map((await host.agents()).flatMap(({ name, face }) => (face ? [[name, face] as const] : [])));
  const found = [...lintTrustPolicy({ keysDir, policyFile: trustPolicyFile }), ...lintOverrides(host.overrides, agents)];
  if (!out.readable) out.data({ home: root, findings: found });
  else {
    print(context, found);
    if (found.length === 0) out.print(`${root}: nothing to mend`);
  }
  return exitOf(found);
}

function print({ out, world }: Context, found: readonly (Finding & { readonly file?: string })[]): void {
  const { colours } = out;
  for (const { severity, cap, message, hint, file } of found) {
    const mark = severity === "error" ? colours.red(severity) : colours.yellow(severity);
    const where = file === undefined ? "" : `${visibleLine(shortPath(file, world.cwd))}: `;
    out.print(`${mark} ${where}${colours.bold(visibleLine(cap))}: ${visibleLine(message)}\n  hint: ${visibleLine(hint)}`);
  }
}

function exitOf(found: readonly Finding[]): ExitCode {
  return found.some(({ severity }) => severity === "error") ? Exit.failed : Exit.ok;
}
