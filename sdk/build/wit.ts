/**
 * The contract as one text. The tools read WIT packages of several files only from a file system of their own, which would put
 * this machine's paths into their hands; nested packages in one source say the same.
 */
import { join } from "node:path";
import { projectRoot, readTree } from "./layout.js";

/**
 * A world for one agent in JavaScript: the interfaces that it uses and no more, since the bindings that are made of it import all that the
 * world does. Its exports are those that `link/driver.ts` makes one `run` of.
 */
export function scriptWorld(interfaces: readonly string[], folder: string = join(projectRoot, "sdk", "wit")): string {
  const files = readTree(folder, ".wit");
  const bodies = ["types.wit", "interfaces.wit"].map((name) => (files.get(name) ?? "").replace(HEADER, ""));
  const header = HEADER.exec(files.get("types.wit") ?? "")?.[0] ?? "";
  const world = [
    "world script {",
    "  use types.{invocation, output-message, failure};",
    ...interfaces.map((name) => `  import ${name};`),
    "  export start: func(invocation: invocation);",
    "  export pump: async func();",
    "  export turn: func() -> bool;",
    "  export finish: func() -> result<list<output-message>, failure>;",
    "}",
  ];
  return [header, ...bodies, ...world].join("\n");
}

const HEADER = /^package ([^;{]+);\n/m;

/** `sdk/wit` with its dependencies, for `componentEmbed`'s `witSource`. */
export function witSource(folder: string = join(projectRoot, "sdk", "wit")): string {
  const own: string[] = [];
  const nested = new Map<string, string[]>();
  let header = "";
  for (const [name, text] of readTree(folder, ".wit")) {
    const declared = HEADER.exec(text);
    const body = text.replace(HEADER, "");
    if (!name.startsWith("deps/")) {
      header ||= declared?.[0] ?? "";
      own.push(body);
    } else if (declared?.[1]) {
      nested.set(declared[1], [...(nested.get(declared[1]) ?? []), body]);
    }
  }
  const packages = [...nested].map(([name, bodies]) => `package ${name} {\n${bodies.join("\n")}}\n`);
  return [header, ...own, ...packages].join("\n");
}
