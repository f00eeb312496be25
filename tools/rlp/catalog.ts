/** Every command: what it is called, what it does in one line, where its code is. The code is loaded when the command is called. */
import type { Command } from "commander";
import type { Act } from "./context.js";

export interface CommandCode {
  /** Declares arguments, options and examples, and ends with `command.action(act(…))`. */
  define(command: Command, act: Act): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Heading in `rlp --help`. */
  readonly group?: string;
  /** It says what it found and ends: nothing has to go on while a reader lets it wait. */
  readonly brief?: true;
  readonly load: () => Promise<CommandCode>;
  /** Commands of its own; every other word that follows is its argument. */
  readonly commands?: readonly CommandEntry[];
}
export interface CommandFamily {
  readonly name: string;
  readonly summary: string;
  readonly group?: string;
  readonly commands: readonly CommandEntry[];
}

const OPENINGS = "Openings:";
const RUNS = "Runs:";
const DECISIONS = "Decisions:";
const KNOWLEDGE = "Knowledge and agents:";
const MACHINE = "This machine:";

export const catalog: readonly (CommandEntry | CommandFamily)[] = [
  { name: "run", group: OPENINGS, summary: "run an opening", load: () => import("./commands/run.js") },
  {
    name: "check",
    group: OPENINGS,
    summary: "find everything that is wrong with an opening",
    load: () => import("./commands/check.js"),
  },
  {
    name: "plan",
    group: OPENINGS,
    summary: "show what an opening would do, and with which rights",
    load: () => import("./commands/plan.js"),
  },
  { name: "fmt", group: OPENINGS, summary: "print an opening in its usual YAML form", load: () => import("./commands/fmt.js") },
  { name: "graph", group: OPENINGS, summary: "draw an opening", load: () => import("./commands/graph.js") },
  {
    name: "schema",
    group: OPENINGS,
    summary: "the JSON Schema of openings with the agents at hand, for editors",
    load: () => import("./commands/schema.js"),
  },
  {
    name: "sim",
    group: OPENINGS,
    summary: "run an opening a thousand times in a simulated world, with faults",
    load: () => import("./commands/sim.js"),
  },
  { name: "runs", group: RUNS, summary: "list runs", brief: true, load: () => import("./commands/runs.js") },
  {
    name: "trace",
    group: RUNS,
    summary: "show what happened in a run, step by step; export, import and verify runs as files",
    load: () => import("./commands/trace.js"),
    commands: [
      { name: "export", summary: "a run as one file that replays anywhere", load: () => import("./commands/trace/export.js") },
      { name: "import", summary: "take in a run from elsewhere, to look at", load: () => import("./commands/trace/import.js") },
      {
        name: "verify",
        summary: "whether a trace file is whole, and who says so",
        load: () => import("./commands/trace/verify.js"),
      },
    ],
  },
  {
    name: "replay",
    group: RUNS,
    summary: "execute a run again from its journal and compare everything",
    load: () => import("./commands/replay.js"),
  },
  {
    name: "resume",
    group: RUNS,
    summary: "go on with a run that was interrupted, killed or parked",
    load: () => import("./commands/resume.js"),
  },
  {
    name: "fork",
    group: RUNS,
    summary: "begin with what a run had come to, and go on differently",
    load: () => import("./commands/fork.js"),
  },
  { name: "diff", group: RUNS, summary: "where two runs part, node by node", load: () => import("./commands/diff.js") },
  { name: "cancel", group: RUNS, summary: "end a run for good", load: () => import("./commands/cancel.js") },
  {
    name: "proposals",
    group: DECISIONS,
    summary: "list the actions that wait for a decision",
    brief: true,
    load: () => import("./commands/proposals.js"),
  },
  { name: "approve", group: DECISIONS, summary: "let a proposed action happen", load: () => import("./commands/approve.js") },
  { name: "reject", group: DECISIONS, summary: "refuse a proposed action", load: () => import("./commands/reject.js") },
  {
    name: "kb",
    group: KNOWLEDGE,
    summary: "the knowledge base: ingest, search, why, query; verify, backup, restore and what else keeps it whole",
    commands: [
      { name: "ingest", summary: "take in contacts and notes", load: () => import("./commands/kb/ingest.js") },
      { name: "search", summary: "find what was ingested", brief: true, load: () => import("./commands/kb/search.js") },
      {
        name: "reindex",
        summary: "make the vectors that are missing, or all anew after a change of `kb.embedder`",
        load: () => import("./commands/kb/reindex.js"),
      },
      {
        name: "why",
        summary: "the events behind an entity, and their causes",
        brief: true,
        load: () => import("./commands/kb/why.js"),
      },
      { name: "verify", summary: "check the ledger's chain, row by row", load: () => import("./commands/kb/verify.js") },
      { name: "query", summary: "one SELECT over the views", load: () => import("./commands/kb/query.js") },
      {
        name: "backup",
        summary: "copy ledger and views while they are used, and verify the copy",
        load: () => import("./commands/kb/backup.js"),
      },
      { name: "restore", summary: "put a backup in the ledger's place", load: () => import("./commands/kb/restore.js") },
      {
        name: "migrate",
        summary: "bring a ledger of an older version up to date",
        load: () => import("./commands/kb/migrate.js"),
      },
      {
        name: "retract",
        summary: "let a document, a contact or what is old no longer be found",
        load: () => import("./commands/kb/retract.js"),
      },
      {
        name: "forget",
        summary: "destroy what is known of a person or a document",
        load: () => import("./commands/kb/forget.js"),
      },
      { name: "export", summary: "the whole ledger as NDJSON, its chain kept", load: () => import("./commands/kb/export.js") },
      { name: "import", summary: "an exported ledger into a home without one", load: () => import("./commands/kb/import.js") },
      {
        name: "stats",
        summary: "how large it is, and what it consists of",
        brief: true,
        load: () => import("./commands/kb/stats.js"),
      },
      { name: "gc", summary: "drop what nothing refers to", load: () => import("./commands/kb/gc.js") },
      { name: "vacuum", summary: "give free pages back to the disk", load: () => import("./commands/kb/vacuum.js") },
      { name: "rebuild", summary: "make the views again from the ledger", load: () => import("./commands/kb/rebuild.js") },
    ],
  },
  {
    name: "agent",
    group: KNOWLEDGE,
    summary: "agents: scaffold, build, test, run, install, remove, sign, verify, list, inspect",
    commands: [
      {
        name: "scaffold",
        summary: "a new agent that builds, passes its tests and runs",
        load: () => import("./commands/agent/scaffold.js"),
      },
      {
        name: "build",
        summary: "compile an agent and write its digests into the manifest",
        load: () => import("./commands/agent/build.js"),
      },
      { name: "test", summary: "run an agent's own cases", load: () => import("./commands/agent/test.js") },
      { name: "run", summary: "one attempt of one agent, live", load: () => import("./commands/agent/run.js") },
      {
        name: "install",
        summary: "an agent from a folder or an archive into this home",
        load: () => import("./commands/agent/install.js"),
      },
      { name: "remove", summary: "take an installed agent away", load: () => import("./commands/agent/remove.js") },
      { name: "sign", summary: "sign an agent's manifest", load: () => import("./commands/agent/sign.js") },
      { name: "verify", summary: "whether an agent is whole, and who says so", load: () => import("./commands/agent/verify.js") },
      { name: "list", summary: "the agents that openings can use", load: () => import("./commands/agent/list.js") },
      {
        name: "inspect",
        summary: "imports, exports, rights, ports, size and digest of an agent",
        load: () => import("./commands/agent/inspect.js"),
      },
    ],
  },
  {
    name: "caps",
    group: KNOWLEDGE,
    summary: "what agents may do: lint, show",
    commands: [
      {
        name: "lint",
        summary: "what is wrong with a policy, and what it grants beyond need",
        load: () => import("./commands/caps/lint.js"),
      },
      { name: "show", summary: "what an agent may do, layer by layer", load: () => import("./commands/caps/show.js") },
    ],
  },
  {
    name: "keys",
    group: KNOWLEDGE,
    summary: "whose signatures count: generate, list, trust, revoke",
    commands: [
      { name: "generate", summary: "a key pair of this home's own", load: () => import("./commands/keys/generate.js") },
      { name: "list", summary: "the keys that this home knows", load: () => import("./commands/keys/list.js") },
      { name: "trust", summary: "trust somebody else's public key", load: () => import("./commands/keys/trust.js") },
      { name: "revoke", summary: "trust a key no more, for good", load: () => import("./commands/keys/revoke.js") },
    ],
  },
  {
    name: "doctor",
    group: MACHINE,
    summary: "check this installation, and say how to mend it",
    load: () => import("./commands/doctor.js"),
  },
  {
    name: "config",
    group: MACHINE,
    summary: "the configuration: path",
    commands: [
      {
        name: "path",
        summary: "which files are read, and where each key comes from",
        load: () => import("./commands/config.js"),
      },
    ],
  },
  {
    name: "daemon",
    group: MACHINE,
    summary: "the background host: run",
    commands: [
      { name: "run", summary: "stay in the foreground as the background host", load: () => import("./commands/daemon.js") },
    ],
  },
];

/** Options with a value that may stand before the command, and those without one. */
const VALUED = ["--home", "--config"];
const FLAGS = ["--json", "--no-color", "-q", "--quiet", "-v", "--verbose", "--debug"];

/** The command that a command line names. */
export interface Named {
  readonly words: readonly string[];
  readonly entry: CommandEntry | null;
  /** Nothing but such options stands before its last word: so commander, too, will come to this command and no other. */
  readonly certain: boolean;
}

/** The command that `argv` names, by walking over the options before and between its words. */
export function findCommand(argv: readonly string[]): Named {
  let entries: readonly (CommandEntry | CommandFamily)[] = catalog;
  const words: string[] = [];
  let entry: CommandEntry | null = null;
  let [strange, certain] = [false, true];
  for (let i = 0; i < argv.length && argv[i] !== "--"; i++) {
    const word = argv[i] ?? "";
    if (word.startsWith("-")) {
      if (VALUED.includes(word)) i++;
      else if (!FLAGS.includes(word)) strange = true;
      continue;
    }
    const found = entries.find(({ name }) => name === word);
    if (!found) break;
    words.push(word);
    certain &&= !strange;
    if ("load" in found) entry = found;
    if (!found.commands) break;
    entries = found.commands;
  }
  return { words, entry, certain };
}
