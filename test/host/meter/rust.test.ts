/** Large modules of another compiler: the Rust that the component tools themselves are made of. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { engine } from "#host/component/meter/engine.js";
import { LARGE_LIMITS } from "#host/component/meter/limits.js";
import { meterModule } from "#host/component/meter/meter.js";

const vendor = join(dirname(createRequire(import.meta.url).resolve("@bytecodealliance/jco-transpile")), "..", "vendor");
const options = { memoryPages: 4_096, tableElements: 100_000 };

test.each(["wasm-tools.core.wasm", "wasm-tools.core2.wasm"])(
  "%s passes the large limits, is proved, and grows by about half",
  (name) => {
    const bytes = new Uint8Array(readFileSync(join(vendor, name)));
    const { stats, bytes: metered } = meterModule(bytes, { ...options, limits: LARGE_LIMITS });
    expect(engine.validate(metered)).toBe(true);
    expect(stats.bytesOut / stats.bytesIn).toBeLessThan(1.7);
  },
);

test("under the strict limits a module of megabytes is refused", () => {
  const bytes = new Uint8Array(readFileSync(join(vendor, "wasm-tools.core.wasm")));
  expect(() => meterModule(bytes, options)).toThrow(expect.objectContaining({ code: "METER_TOO_LARGE" }));
});
