/** Checks of what rlp runs on: Node, its WebAssembly, the packages with code of their own, the cage for agents. */
import { spawnSync } from "node:child_process";
import { broken, ok, reason, warning, type Finding } from "./finding.js";

export function checkNode(version: string, wanted: string): Finding {
  const least = Number(/\d+/.exec(wanted)?.[0] ?? 24);
  const major = Number(version.split(".")[0]);
  if (major < least)
    return broken(
      "node",
      `Node ${version} is too old`,
      `rlp needs Node ${least} or newer: \`npm start\` puts one beside the project`,
    );
  if (major < 26)
    return warning(
      "node",
      `Node ${version}; its permission model does not deny the network`,
      "Node 26 denies it: `npm run setup` with an older Node on the path brings one",
    );
  return ok("node", `Node ${version}`);
}

/** JavaScript Promise Integration: how a guest waits in a host call. */
export function checkJspi(): Finding {
  const { WebAssembly } = globalThis as { WebAssembly?: Readonly<Record<string, unknown>> };
  const { Suspending, promising } = WebAssembly ?? {};
  return typeof Suspending === "function" && typeof promising === "function"
    ? ok("jspi", "WebAssembly can wait for promises")
    : broken("jspi", "this Node's WebAssembly cannot wait for promises (JSPI)", "use Node 24 or newer");
}

export async function checkSqlite(): Promise<Finding> {
  try {
    const { default: Database } = await import("better-sqlite3");
    const db = new Database(":memory:");
    try {
      const version = String(db.prepare("SELECT sqlite_version()").pluck().get());
      db.exec("CREATE VIRTUAL TABLE t USING fts5(x)");
      return ok("sqlite", `SQLite ${version} with full-text search`);
    } finally {
      db.close();
    }
  } catch (error) {
    return broken(
      "sqlite",
      `SQLite does not load: ${reason(error)}`,
      "`npm ci` installs it again, with the Node that rlp runs on first on the path",
    );
  }
}

export function checkToolchain(): Finding {
  const missing = ["@bytecodealliance/jco-transpile", "assemblyscript"].filter((name) => {
    try {
      import.meta.resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  return missing.length === 0
    ? ok("toolchain", "the transpiler and the compiler for agents are installed")
    : broken("toolchain", `not installed: ${missing.join(", ")}`, "`npm ci` in the project's folder");
}

/** Tries to get out, from inside the same cage that agents' processes are in, and says what was possible. */
const ATTEMPT = `
const tried = {};
const attempt = async (name, action) => { try { await action(); tried[name] = true } catch { tried[name] = false } };
await attempt("read files", () => process.getBuiltinModule("fs").readFileSync(process.execPath));
await attempt("start programs", () => process.getBuiltinModule("child_process").execFileSync(process.execPath, ["-v"]));
await attempt("start workers", () => new (process.getBuiltinModule("worker_threads").Worker)("0", { eval: true }).terminate());
await attempt("open databases", () => process.getBuiltinModule("node:sqlite").DatabaseSync.name);
await attempt("use the network", () => { if (!process.permission.has("net")) throw 0 });
console.log(JSON.stringify(tried));`;

export function checkIsolation(node: string): Finding {
  const child = spawnSync(
    node,
    ["--permission", "--no-experimental-sqlite", "--no-warnings", "--input-type=module", "-e", ATTEMPT],
    {
      env: {},
      encoding: "utf8",
      timeout: 20_000,
    },
  );
  let tried: Record<string, boolean>;
  try {
    tried = JSON.parse(child.stdout) as Record<string, boolean>;
  } catch {
    const why = child.error
      ? reason(child.error)
      : (child.stderr.split("\n").find((line) => line.includes("Error")) ?? `exit ${child.status}`);
    return broken(
      "isolation",
      `a sandbox process does not start: ${why}`,
      "check that the Node binary is whole: `npm run setup`",
    );
  }
  const open = Object.keys(tried).filter((name) => tried[name]);
  const rung = "agents run in one process of their own, with no environment, under Node's permission model";
  if (open.length === 0) return ok("isolation", rung);
  const onlyNetwork = open.length === 1 && open[0] === "use the network";
  return onlyNetwork
    ? warning("isolation", `${rung}; this Node does not deny that process the network`, "Node 26 does")
    : broken("isolation", `a sandbox process can ${open.join(", ")}`, "do not run agents that you do not trust on this Node");
}
