/** JavaScript → core module, with QuickJS inside and the state that it has once the top-level code has run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError } from "../errors.js";
import type { Files } from "../layout.js";
import { linkQuickJs } from "../link/quickjs.js";
import { quietRuntime } from "../link/runtime.js";
import { scriptWorld } from "../wit.js";
import type { Author } from "./author.js";
import { bundleScript, type Bundled } from "./bundle.js";
import { originalPlace } from "./map.js";

/** The author's files by name, `agent.js` or `agent.ts` among them. Throws `BUILD_COMPILE`, `BUILD_RUN`, `BUILD_TOOL`. */
export async function compileScript(sources: Files, folder: string | null, author: Author): Promise<Uint8Array> {
  const bundled = await bundleScript(sources, folder, author);
  return linkQuickJs(await snapshot(bundled, sources));
}

async function snapshot(bundled: Bundled, sources: Files): Promise<Uint8Array> {
  // Loaded here, not above: 38 MB of native code that are needed only when something is really built.
  const { componentize } = await loadTool();
  const wit = mkdtempSync(join(tmpdir(), "rlp-wit-"));
  try {
    const witPath = join(wit, "agent.wit");
    writeFileSync(witPath, scriptWorld(bundled.interfaces));
    const { component } = await componentize({
      witPath,
      jsSource: bundled.code,
      world: "script",
      stubWasi: true,
      runtimeBytes: quietRuntime(),
    });
    return component;
  } catch (error) {
    throw error instanceof BuildError ? error : ranBadly(error, bundled, sources);
  } finally {
    rmSync(wit, { recursive: true, force: true });
  }
}

async function loadTool() {
  try {
    return await import("componentize-qjs");
  } catch (cause) {
    throw new BuildError("BUILD_TOOL", "componentize-qjs, which makes components of JavaScript, cannot be loaded", {
      hint: "npm ci; it has bindings for Linux, macOS and Windows on x64 and arm64",
      cause,
    });
  }
}

/** Top-level code that threw, or that waited for something that does not come: told with its place in the author's file. */
function ranBadly(error: unknown, { map }: Bundled, sources: Files): BuildError {
  const text = error instanceof Error ? error.message : String(error);
  // The innermost frame that is the author's: above it are those of the SDK.
  const places = [...text.matchAll(/:(\d+):(\d+)\)?/g)].map(([, line, column]) =>
    originalPlace(map, Number(line), Number(column), sources),
  );
  const place = places.find(({ file }) => file !== undefined) ?? {};
  return new BuildError("BUILD_RUN", `the agent's top-level code, which runs while it is built, failed: ${firstLine(text)}`, {
    place,
    hint: "what needs the host belongs into the agent's function",
    cause: error,
  });
}

/** What the agent's code threw: without what the tool says before it, and without the stack, whose places are the bundled script's. */
function firstLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s+at /.test(line));
  const said = lines.join(" ").replace(/^.*module evaluation: /, "");
  return /resulted in a dead lock/.test(said) ? "it waits for a promise that nothing will settle" : said;
}
