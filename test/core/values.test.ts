import * as fc from "fast-check";
import { expect, test } from "vitest";
import { callError, failure, hostFailure, hostFailures, joinLabels, type HostFailureCode } from "#core/values.js";

test("labels join to a sorted set, whatever the order and the grouping", () => {
  const labels = fc.array(fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(labels, labels, labels, (a, b, c) => {
      const joined = joinLabels(a, b, c);
      expect(joined).toEqual([...new Set([...a, ...b, ...c])].sort());
      expect(joinLabels(c, a, b)).toEqual(joined);
      expect(joinLabels(joinLabels(a, b), c)).toEqual(joined);
      expect(joinLabels(joined)).toEqual(joined);
    }),
  );
});

test.each(Object.keys(hostFailures) as HostFailureCode[])(
  "%s is a failure that fits the schema, however long its message",
  (code) => {
    const made = hostFailure(code, "x".repeat(10_000));
    expect(failure.safeParse(made).success).toBe(true);
    expect(made).toMatchObject({ code, retryable: hostFailures[code] });
  },
);

test("what a second attempt cannot change is not retried", () => {
  const final = Object.entries(hostFailures).flatMap(([code, retryable]) => (retryable ? [] : [code]));
  expect(final).toEqual([
    "host.calls-exhausted",
    "host.bytes-exhausted",
    "host.handles-exhausted",
    "host.denied",
    "host.budget-exhausted",
    "host.type",
    "host.rejected",
    "host.cancelled",
    "host.component",
    "host.commit",
    "host.elements-failed",
    "host.elements-exhausted",
    "host.opening-failed",
  ]);
});

test.each([
  [{ code: "denied", message: "no" }, true],
  [{ code: "unavailable", message: "later", retry_after_ms: 500 }, true],
  [{ code: "unavailable", message: "later", retry_after_ms: -1 }, false],
  [{ code: "other", message: "no" }, false],
  [{ code: "denied", message: "x".repeat(4097) }, false],
  [{ code: "denied", message: "no", stack: "…" }, false],
])("call error %#", (value, accepted) => {
  expect(callError.safeParse(value).success).toBe(accepted);
});
