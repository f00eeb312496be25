/**
 * Questions about this project, and the sections of its documents that answer them. Written by hand, before anything was measured
 * with them: by the words of the documents, by other words for the same, and with slips of the pen.
 */

export interface Judged {
  readonly query: string;
  /** `<file under docs>#<heading>`; without a heading any section of the file. 2 answers it, 1 helps. */
  readonly relevant: Readonly<Record<string, 1 | 2>>;
}

export const judged: readonly Judged[] = [
  { query: "exit codes", relevant: { "reference/cli.md#Exit codes": 2, "getting-started.md#5. Exit codes": 2 } },
  {
    query: "how to sign an agent",
    relevant: {
      "guides/writing-agents.md#Signing it": 2,
      "guides/trust.md#Trust a key": 1,
      "reference/agents.md#Who vouches": 1,
    },
  },
  { query: "revoking a key", relevant: { "guides/trust.md#Trust it no more": 2, "reference/agents.md#Who vouches": 1 } },
  {
    query: "prove that the ledger was not altered",
    relevant: {
      "guides/knowledge-base.md#Trust it": 2,
      "reference/kb.md#Ledger": 2,
      "reference/kb.md#What keeps it whole": 1,
      "reference/kb.md#What holds it": 1,
    },
  },
  { query: "where does a contact come from", relevant: { "guides/knowledge-base.md#Ask why": 2, "reference/kb.md#Why": 2 } },
  { query: "SELECT on the views", relevant: { "reference/kb.md#Query": 2, "guides/knowledge-base.md#Ask anything": 2 } },
  {
    query: "ingesting a folder of Markdown notes",
    relevant: { "guides/knowledge-base.md#Put something in": 2, "reference/kb.md#Ingest": 2 },
  },
  {
    query: "how are search results ranked",
    relevant: { "reference/kb.md#Search": 2, "guides/knowledge-base.md#Find it": 1, "reference/kb.md#Vectors": 1 },
  },
  {
    query: "an agent that makes HTTP requests",
    relevant: {
      "guides/network.md#Asking": 2,
      "guides/network.md#The policy": 2,
      "guides/network.md#Programs that ask by wasi:http": 1,
    },
  },
  { query: "API keys and passwords", relevant: { "guides/network.md#Secrets": 2, "guides/models.md#Language models": 1 } },
  {
    query: "use Ollama as model",
    relevant: { "guides/models.md#Language models": 2, "guides/models.md#When it does not work": 1 },
  },
  { query: "writing an agent in Rust", relevant: { "guides/writing-agents.md#In Rust": 2 } },
  {
    query: "TypeScript agent with npm packages",
    relevant: { "guides/writing-agents.md#In JavaScript or TypeScript": 2, "internals/javascript.md": 1 },
  },
  {
    query: "testing my agent before installing",
    relevant: { "guides/writing-agents.md#Testing it": 2, "guides/writing-agents.md#Running it by itself": 1 },
  },
  {
    query: "what happens when the power fails in the middle of a run",
    relevant: {
      "guides/replay-and-fork.md#The machine dies": 2,
      "architecture.md#Replay and resume": 1,
      "reference/openings.md#Replay and resume": 1,
    },
  },
  {
    query: "replay a run bit for bit",
    relevant: {
      "guides/replay-and-fork.md#Was it really so?": 2,
      "reference/openings.md#Replay and resume": 2,
      "architecture.md#Replay and resume": 1,
    },
  },
  {
    query: "bubblewrap and seccomp",
    relevant: {
      "internals/isolation.md#The ladder": 2,
      "internals/isolation.md#Choosing": 1,
      "threat-model.md#The walls, from the inside out": 1,
    },
  },
  {
    query: "agents of unknown origin",
    relevant: { "internals/isolation.md#Strangers": 2, "guides/trust.md#An agent from a stranger": 2, "guides/trust.md#Look": 1 },
  },
  {
    query: "memory and fuel limits",
    relevant: { "reference/limits.md#Limits of an attempt": 2, "reference/limits.md#The same for every agent": 1 },
  },
  { query: "fuel metering of basic blocks", relevant: { "internals/metering.md": 2 } },
  { query: "how many agents at the same time", relevant: { "reference/limits.md#Guests at once": 2 } },
  {
    query: "approve an e-mail before it is sent",
    relevant: {
      "reference/agents.md#External actions": 2,
      "getting-started.md#3. Run, look, decide": 2,
      "architecture.md#An external action": 2,
    },
  },
  {
    query: "policy.caps capabilities",
    relevant: {
      "reference/agents.md#Capabilities": 2,
      "guides/writing-agents.md#What it may do": 2,
      "reference/agents.md#Layers": 1,
    },
  },
  {
    query: "operator takes rights away from an agent",
    relevant: { "guides/trust.md#Take away": 2, "reference/agents.md#Layers": 2 },
  },
  {
    query: "files and directories an agent may write",
    relevant: {
      "guides/files.md#What is written, and when": 2,
      "guides/files.md#What an agent finds": 1,
      "guides/files.md#What cannot be granted": 1,
      "guides/files.md#Agents and files": 1,
    },
  },
  {
    query: "run a C program as an agent",
    relevant: {
      "guides/command-agents.md#In three steps": 2,
      "guides/command-agents.md#Any program as an agent": 2,
      "guides/command-agents.md#Programs that were tried": 1,
    },
  },
  {
    query: "standard input and output of a program",
    relevant: { "guides/command-agents.md#What goes in and what comes out": 2, "reference/agents.md#Commands": 1 },
  },
  {
    query: "letting agents call git or ripgrep",
    relevant: { "guides/tools.md#Tools: commands of your machine for agents": 2, "guides/tools.md#In an agent": 2 },
  },
  { query: "configuration file location", relevant: { "reference/cli.md#Configuration": 2, "reference/cli.md#The home": 1 } },
  { query: "event kinds of a run", relevant: { "reference/events.md#Kinds of a run": 2, "reference/events.md#Events": 1 } },
  {
    query: "what is hashed",
    relevant: { "reference/events.md#What is hashed": 2, "reference/openings.md#What decides a result": 1 },
  },
  { query: "errors in an opening file", relevant: { "reference/openings.md#Checks before a run": 2 } },
  {
    query: "retires and time-outs of nodes",
    relevant: { "reference/openings.md#What happens in a run": 2, "reference/openings.md#The file": 1 },
  },
  {
    query: "isolaton on a machine withuot namespaces",
    relevant: {
      "internals/isolation.md#The ladder": 2,
      "internals/isolation.md#Choosing": 2,
      "internals/isolation.md#Strangers": 1,
    },
  },
  { query: "instaling an agent", relevant: { "guides/writing-agents.md#Installing it": 2 } },
  {
    query: "sandboxed guests talking to the host over a pipe",
    relevant: { "internals/sandbox.md": 2, "architecture.md#A host call, step by step": 2 },
  },
  {
    query: "set up on a fresh computer",
    relevant: { "getting-started.md#1. Set up and run": 2, "getting-started.md#2. A home of your own": 1 },
  },
  { query: "watermark of a run", relevant: { "concepts.md": 2, "reference/kb.md#Search": 1 } },
  { query: "known weaknesses", relevant: { "threat-model.md#What is not covered in this version": 2 } },
  { query: "answers from large language models that fail", relevant: { "guides/models.md#When it does not work": 2 } },
];
