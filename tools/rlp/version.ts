import { readFileSync } from "node:fs";

/** This package's version, and the lowest Node that it runs on. */
export function packageVersion(): { readonly version: string; readonly node: string } {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  const { version, engines } = JSON.parse(text) as { version: string; engines: { node: string } };
  return { version, node: engines.node };
}
