/** `rlp doctor`: checks this installation and this home, and says how to mend what is wrong. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import type { Act, Context } from "../context.js";
import { broken, ok, reason, type Finding } from "../doctor/finding.js";
import { checkConfig, checkHome, checkLedger, checkProviders } from "../doctor/home.js";
import { checkTrust } from "../doctor/trust.js";
import { checkIsolation } from "../doctor/isolation.js";
import { checkLimits } from "../doctor/limits.js";
import { checkJspi, checkNode, checkSqlite, checkToolchain } from "../doctor/runtime.js";
import { examples } from "../program.js";
import { mark, paint, type Shown } from "../terminal/state.js";
import { pad } from "../terminal/width.js";
import { packageVersion } from "../version.js";

export function define(command: Command, act: Act): void {
  command.addHelpText("after", examples(["rlp doctor", "exit code 1 if something is broken"])).action(act(doctor));
}

async function doctor(context: Context) {
  const { out, world } = context;
  const { version, node } = packageVersion();
  const config = await checkConfig(() => context.load());
  const home = config.loaded?.home ?? homeOf(context);
  const sqlite = await checkSqlite();
  const findings: Finding[] = [
    ok("rlp", version),
    checkNode(process.versions.node, node),
    checkJspi(),
    sqlite,
    checkToolchain(),
    await checkIsolation(process.execPath, config.loaded?.config.runtime.isolation ?? "strongest"),
    ...config.findings,
    ...(home ? checkHome(home) : []),
    ...(home && sqlite.status === "ok" ? [await checkLedger(home)] : []),
    ...(config.loaded ? [checkLimits(config.loaded.config)] : []),
    ...(config.loaded ? checkProviders(config.loaded, world.env) : []),
    ...(config.loaded && sqlite.status === "ok" ? [await checkAgents(context)] : []),
    ...(home && config.loaded && sqlite.status === "ok" ? await checkTrust(home, await context.host()) : []),
  ];
  const bad = findings.filter(({ status }) => status === "broken").length;
  if (!out.readable) out.data({ ok: bad === 0, findings });
  else out.print([...findings.map((finding) => findingLines(finding, context)), "", verdict(findings)].join("\n"));
  return bad === 0 ? Exit.ok : Exit.failed;
}

function homeOf(context: Context) {
  try {
    return context.locateHome();
  } catch {
    return null; // the configuration's own finding has said so
  }
}

async function checkAgents(context: Context): Promise<Finding> {
  try {
    const agents = await (await context.host()).agents();
    const faults = agents.flatMap(({ name, fault }) => (fault ? [`${name}: ${reason(fault)}`] : []));
    const mend = "`npm start` builds the bundled ones; agents.search_dirs names more folders";
    if (faults.length > 0) return broken("agents", faults.join("; "), mend);
    return agents.length > 0
      ? ok("agents", agents.map(({ name }) => name).join(", "))
      : broken("agents", "no agent is found", mend);
  } catch (error) {
    return broken("agents", reason(error), "`npm start` builds the bundled agents again");
  }
}

function findingLines({ check, status, what, mend }: Finding, { out }: Context): string {
  const state: Shown = status === "broken" ? "error" : status === "warning" ? "waiting" : "ok";
  const line = `${paint(state, `${mark(state, out.unicode)} ${pad(status, 7)}`, out.colours)}  ${pad(check, 14)}  ${visibleLine(what)}`;
  return mend === undefined ? line : `${line}\n${" ".repeat(11)}${" ".repeat(16)}to mend it: ${visibleLine(mend)}`;
}

function verdict(findings: readonly Finding[]): string {
  const count = (status: Finding["status"]): number => findings.filter((finding) => finding.status === status).length;
  const [bad, doubtful] = [count("broken"), count("warning")];
  if (bad === 0 && doubtful === 0) return "everything is in order";
  return [bad > 0 ? `${bad} broken` : "", doubtful > 0 ? `${doubtful} could be better` : ""]
    .filter((part) => part !== "")
    .join(", ");
}
