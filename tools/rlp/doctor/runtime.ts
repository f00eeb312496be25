/** Checks of what rlp runs on: Node, its WebAssembly, the packages with code of their own. */
import { findPackageJSON } from "node:module";
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
      return findPackageJSON(name, import.meta.url) === undefined;
    } catch {
      return true;
    }
  });
  return missing.length === 0
    ? ok("toolchain", "the transpiler and the compiler for agents are installed")
    : broken("toolchain", `not installed: ${missing.join(", ")}`, "`npm ci` in the project's folder");
}
