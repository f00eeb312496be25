import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** This package's version, and the lowest Node that it runs on. */
export function packageVersion(): { readonly version: string; readonly node: string } {
  const { version, engines } = JSON.parse(readFileSync(packageFile(import.meta.dirname), "utf8")) as {
    version: string;
    engines: { node: string };
  };
  return { version, node: engines.node };
}

/** The nearest one above: the built file and the source lie at different depths. */
function packageFile(folder: string): string {
  const file = join(folder, "package.json");
  return existsSync(file) || dirname(folder) === folder ? file : packageFile(dirname(folder));
}
