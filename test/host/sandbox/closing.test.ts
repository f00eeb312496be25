import { expect, test } from "vitest";
import { startSandbox } from "#host/sandbox/process.js";

// A cage is two processes. Killed while it is being built, the outer one used to leave the inner one waiting for ever, with our
// pipes in its hands: `rlp run` of a file that is not there did not come to its end.
test("a sandbox that is closed while its process is starting is gone, whatever the moment", async () => {
  for (let wait = 0; wait < 12; wait++) {
    const sandbox = startSandbox();
    await new Promise((resolve) => setTimeout(resolve, wait * 2));
    await sandbox.close();
  }
  expect.assertions(0); // it returns: a hang is the failure
});
