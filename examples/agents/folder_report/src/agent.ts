import { exit, invocation, outputs, say } from "runloop/command";
import { files } from "runloop/files";
import { json, words } from "runloop";

/** Reads every text file of a folder and of those below it, and writes one report on them into another. */
export function main(): void {
  const call = invocation();
  if (!call) {
    say("standard input is no invocation");
    exit(2);
    return;
  }
  const from = call.get("with").getString("from");
  const to = call.get("with").getString("to");
  const lines: string[] = ["# What is in " + from, ""];
  const count = report(from, "", lines);
  if (count < 0) {
    say("cannot read " + from + " (errno " + files.errno.toString() + ")");
    exit(1);
  }
  lines.push("");
  lines.push(count.toString() + " words in all.");
  if (!files.write(to, lines.join("\n") + "\n")) {
    say("cannot write " + to + " (errno " + files.errno.toString() + ")");
    exit(1);
  }
  outputs(json().set("out", lines.join("\n")));
}

/** Gives how many words there are below `folder`; −1 where it cannot be read. */
function report(folder: string, indent: string, lines: string[]): i32 {
  const found = files.list(folder);
  if (!found) return -1;
  let total = 0;
  for (let i = 0; i < found.length; i++) {
    const entry = found[i];
    const path = folder + "/" + entry.name;
    if (entry.isDirectory) {
      lines.push(indent + "- " + entry.name + "/");
      const below = report(path, indent + "  ", lines);
      if (below > 0) total += below;
      continue;
    }
    const text = files.read(path);
    if (text === null) {
      lines.push(indent + "- " + entry.name + ": cannot be read (errno " + files.errno.toString() + ")");
      continue;
    }
    const count = words(text).length;
    total += count;
    lines.push(indent + "- " + entry.name + ": " + count.toString() + " words");
  }
  return total;
}
