import { expect, test } from "vitest";
import { noGrant } from "#openings/agent.js";
import { trialFiles } from "#host/trial/files.js";
import { fileGuest, run, type Files } from "../fs/guest.js";

const grant = { ...noGrant, fs_ro: ["/case/in"], fs_rw: ["/case/out"] };
const files = { "/case/in/a.txt": "one", "/case/in/deep/b.txt": "two", "/case/out/old.txt": "old" };

test("a case's files answer as real ones do, and what the attempt leaves is told", async () => {
  const given = trialFiles(grant, files);
  const program = async (files: Files) => {
    const { "/case/in": from, "/case/out": to } = await files.preopens();
    await files.write(to!, "new.txt", (await files.text(from!, "a.txt")) + (await files.text(from!, "deep/b.txt")));
    await files.on(to!, "unlink-file-at", "old.txt");
    return [
      await files.names(from!),
      await files.text(from!, "nothing"),
      await files.text(from!, "a.txt/x"),
      await files.names(to!),
    ];
  };
  const { end } = await run(grant, fileGuest(program), { functions: given.functions });
  expect(end).toMatchObject({
    outputs: [
      {
        body: JSON.stringify([["a.txt", "deep/"], "! no-entry", "! not-directory", ["new.txt"]]),
        labels: ["file:/case/in", "file:/case/out"],
      },
    ],
  });
  expect(given.left()).toEqual({ "/case/in/a.txt": "one", "/case/in/deep/b.txt": "two", "/case/out/new.txt": "onetwo" });
});

test("files that no directory of the policy holds are a mistake of the case", () => {
  expect(trialFiles(grant, { ...files, "/case/elsewhere": "", "/case/inside": "" }).strays).toEqual([
    "/case/elsewhere",
    "/case/inside",
  ]);
});
