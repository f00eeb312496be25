/**
 * Runs where agents' processes run and tries to get out. Says on file descriptor 3, as JSON, what it managed. Arguments: a process that
 * is not its own, and a file that is not its code.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, Socket } from "node:net";
import { Worker } from "node:worker_threads";

const [pid = "", file = ""] = process.argv.slice(2);

/** Nobody listens on port 1: to be refused there means to have reached the machine's network. */
function network(): Promise<void> {
  return new Promise((resolve, reject) => {
    connect(1, "127.0.0.1")
      .on("connect", () => resolve())
      .on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNREFUSED" ? resolve() : reject(error)));
  });
}

const attempts: Readonly<Record<string, () => unknown>> = {
  "read files": () => readFileSync(file),
  "start programs": () => execFileSync(process.execPath, ["-v"]),
  "start workers": () => new Worker("0", { eval: true }).terminate(),
  "open databases": () => process.getBuiltinModule("node:sqlite").DatabaseSync.name,
  "use the network": network,
  "signal other processes": () => process.kill(Number(pid), 0),
};

const managed: string[] = [];
for (const [name, attempt] of Object.entries(attempts))
  try {
    await attempt();
    managed.push(name);
  } catch {
    // Kept in.
  }
new Socket({ fd: 3 }).end(JSON.stringify(managed), () => process.exit(0));
