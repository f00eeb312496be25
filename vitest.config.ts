import { defineConfig } from "vitest/config";

// `#core/x.js` is the built file for users and the source for tests, so that a test never runs stale code. Child processes run `dist`.
const rooms = ["core", "kb", "openings", "host", "sdk"].join("|");

export default defineConfig({
  resolve: { alias: [{ find: new RegExp(`^#(${rooms})/(.*)\\.js$`), replacement: `${import.meta.dirname}/$1/$2.ts` }] },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    setupFiles: ["test/property-seed.ts"],
    pool: "forks",
    maxWorkers: 2,
    // For what hangs only: on a machine that does much else, a test with twenty processes takes ten times as long as alone.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
