/** `rlp agent list`: the agents that openings can use. */
import type { Command } from "commander";
import { Exit } from "#core/errors.js";
import type { AgentSummary } from "#host/catalog/catalog.js";
import type { Standing } from "#host/trust/standing.js";
import type { Port } from "#openings/agent.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { show } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command.addHelpText("after", examples(["rlp agent list", "names, ports, and where each lies"])).action(act(list));
}

interface Row {
  readonly name: string;
  readonly version: string | null;
  readonly description: string;
  readonly digest: string | null;
  readonly in: Readonly<Record<string, Port>>;
  readonly out: Readonly<Record<string, Port>>;
  readonly dir: string;
  /** Who vouches for it. */
  readonly standing: Standing | null;
  readonly fault: string | null;
}

async function list(context: Context) {
  const { out } = context;
  const agents = await (await context.host()).agents();
  show<Row>(
    out,
    agents.map(rowOf),
    [
      { title: "agent", of: ({ name, version }) => (version === null ? name : `${name}@${version}`) },
      { title: "from", of: ({ standing }) => (standing === null ? "" : from(standing)) },
      { title: "takes", of: (row) => ports(row.in) },
      { title: "gives", of: (row) => ports(row.out) },
      {
        title: "what it does",
        of: ({ description, fault }) => (fault === null ? description : `cannot be used: ${fault}`),
        flexible: true,
        paint: (text, { fault }) => (fault === null ? text : out.colours.red(text)),
      },
    ],
    "no agents are found",
  );
  return Exit.ok;
}

function rowOf({ name, dir, face, fault, standing }: AgentSummary): Row {
  return {
    name,
    version: face?.version ?? null,
    description: face?.description ?? "",
    digest: face?.digest ?? null,
    in: face?.inputs ?? {},
    out: face?.outputs ?? {},
    dir,
    standing,
    fault: fault?.message ?? null,
  };
}

const from = (standing: Standing): string =>
  standing.kind === "bundled" ? "rlp" : standing.kind === "signed" ? standing.name : "a stranger";

/** Required ports first, optional ones with a question mark. */
function ports(of: Readonly<Record<string, Port>>): string {
  return Object.entries(of)
    .sort(([, a], [, b]) => Number(b.required) - Number(a.required))
    .map(([name, { required }]) => (required ? name : `${name}?`))
    .join(" ");
}
