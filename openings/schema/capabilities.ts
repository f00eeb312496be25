/** What each capability is, in a sentence: shown by editors. */
import type { capsSchema } from "../grant/language.js";

export const capabilityKeys: Readonly<Record<keyof typeof capsSchema.shape, string>> = {
  fs: "Folders to read; the same as `fs_ro`.",
  fs_ro: "Folders to read: absolute paths.",
  fs_rw: "Folders to read, and to change once that is approved.",
  net: "Hosts to reach: `host`, `host:port`, or a table with `host`, `methods` and `paths` (prefixes).",
  time: 'The clock of the run; `"real"` is the machine\'s.',
  random: "Random numbers, from the run's seed.",
  kb_read: "Reading the knowledge base: `true`, or its domains.",
  kb_write: "Writing to the knowledge base: `true`, or its domains.",
  secrets: "Secrets that the host may send along, each to its own hosts. The agent never sees them.",
  secrets_raw: "Secrets whose value the agent may see.",
  model: "Language models: `true`, or patterns of their names.",
  actions: "Kinds of external actions to propose, such as `email.send`.",
  tools: "Tools of the host, by id.",
  exec: "Commands that may be run.",
  spawn: "Agents that may be started.",
};
