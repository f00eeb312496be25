/** What `rlp doctor` says of the cage that agents run in. */
import { expect, test } from "vitest";
import { climb } from "#host/sandbox/isolation/ladder.js";
import { checkIsolation } from "../../../tools/rlp/doctor/isolation.js";

test("it names the cage that was tried from inside, and a way to a stronger one where there is one", async () => {
  const [found, cage] = await Promise.all([checkIsolation(process.execPath, "strongest"), climb("strongest")]);
  expect(found.what.startsWith(`${cage.name}: `)).toBe(true);
  expect(found.status).toBe(cage.rung === "bubblewrap" ? "ok" : "warning");
  expect(found.mend !== undefined).toBe(cage.rung !== "bubblewrap");
});

test("a cage that is weaker than it could be is a warning", async () => {
  expect(await checkIsolation(process.execPath, "reduced")).toMatchObject({
    status: "warning",
    what: expect.stringContaining("signal other processes"),
    mend: expect.stringContaining("runtime.isolation"),
  });
});

test("a Node that does not start in it is broken", async () => {
  expect(await checkIsolation("/nowhere/node", "reduced")).toMatchObject({ status: "broken", mend: expect.any(String) });
});
