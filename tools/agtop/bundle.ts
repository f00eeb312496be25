/**
 * Part of the build: `display.js` with ink and React in one file, which loads three times as fast as their two hundred.
 * Without it, or when it is older than the rest, agtop runs from the single files.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = import.meta.dirname;
const bundle = join(folder, "display.bundle.js");

/** What to import to draw: the bundle where it holds what was compiled last. The compiler's record is newer after any change. */
export function displayModule(): string {
  const fresh = modified(bundle) >= modified(join(folder, ".tsbuildinfo"));
  return pathToFileURL(fresh ? bundle : join(folder, "display.js")).href;
}

function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

export async function makeBundle(): Promise<void> {
  const esbuild = await import("esbuild");
  await esbuild.build({
    entryPoints: [join(folder, "display.js")],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    legalComments: "none",
    logLevel: "warning",
    define: { "process.env.NODE_ENV": '"production"' },
    // React's packages are CommonJS and ask for Node's modules by `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    plugins: [
      {
        // ink's optional connection to React's developer tools: not installed, and nothing for users.
        name: "no developer tools",
        setup(build) {
          build.onResolve({ filter: /^react-devtools-core$/ }, ({ path }) => ({ path, namespace: "none" }));
          build.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export default {};" }));
        },
      },
    ],
  });
}

if (process.argv[1] === import.meta.filename) await makeBundle();
