/** The only place that reads `process`. */
import type { World } from "./context.js";

export function realWorld(): World {
  return {
    env: process.env,
    cwd: process.cwd(),
    // Looked at when something is asked: Node loads fifteen modules to read a file or /dev/null.
    get stdin() {
      return process.stdin;
    },
    get prompt() {
      return process.stderr;
    },
    now: Date.now,
    onInterrupt(listener) {
      process.on("SIGINT", listener);
      process.on("SIGTERM", listener);
      return () => {
        process.off("SIGINT", listener);
        process.off("SIGTERM", listener);
      };
    },
    exit: (code) => process.exit(code),
  };
}

/** https://no-color.org: set and not empty means no colours. A locale that is not UTF-8 gets plain marks. */
export function appearance({ env }: Pick<World, "env">, color: boolean): { readonly color: boolean; readonly unicode: boolean } {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return { color: color && !env["NO_COLOR"] && env["TERM"] !== "dumb", unicode: /utf-?8/i.test(locale) };
}
