/** `rlp keys trust`: somebody else's public key, and what their agents may do at most. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Exit, UsageError, type ExitCode } from "#core/errors.js";
import { capabilitiesOf } from "#openings/plan/capabilities.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";

export function define(command: Command, act: Act): void {
  command
    .argument("<name>", "what to call it")
    .argument("<public-key>", "32 bytes in base64, as `rlp keys list` prints them")
    .option("--caps <file>", "at most what this file grants, in the language of policy.caps; copied into trust-policy.toml")
    .addHelpText(
      "after",
      examples(
        ["rlp keys trust ada jfp7…0As=", "ask its owner for the key over a road that you trust"],
        ["rlp keys trust ada jfp7…0As= --caps ada.caps", "whatever she signs holds no more than that file says"],
      ),
    )
    .action(act(trust));
}

async function trust(context: Context, args: readonly string[], flags: { readonly caps?: string }): Promise<ExitCode> {
  const { out, world } = context;
  const [name = "", base64 = ""] = args;
  const [{ trustKey, refuseTaken }, { addToTrustPolicy }, { loadPolicy }] = await Promise.all([
    import("#host/trust/keys.js"),
    import("#host/trust/policy.js"),
    import("#host/capability/policy.js"),
  ]);
  const { keysDir, trustPolicyFile } = context.locateHome();
  const file = flags.caps === undefined ? undefined : resolve(world.cwd, flags.caps);
  const most = file === undefined ? null : await loadPolicy(file);
  if (file !== undefined) {
    refuseTaken(keysDir, name, base64);
    // The rule first: a key that is trusted without it, for however short a time, could bring more than it may.
    addToTrustPolicy(trustPolicyFile, ruleText(name, readText(file)));
  }
  const key = trustKey(keysDir, name, base64);
  if (!out.readable) out.data({ ...key, caps: most && capabilitiesOf(most) });
  else {
    out.print(`trusted ${key.name} (${key.id})`);
    if (most) out.print(`at most: ${capabilitiesOf(most).join("; ") || "nothing"} (${trustPolicyFile})`);
  }
  return Exit.ok;
}

/** The file's own lines under the key's table: its tables would not be keys of that one. */
function ruleText(name: string, text: string): string {
  const table = text.split("\n").find((line) => /^\s*\[/.test(line));
  if (table !== undefined)
    throw new UsageError("USAGE", `\`${table.trim().slice(0, 80)}\`: write tables in the lines of their keys`, {
      hint: 'net = [{host = "api.example.com", methods = ["GET"]}]',
    });
  return `[keys."${name}".caps]\n${text.trimEnd()}\n`;
}

const readText = (file: string): string => readFileSync(file, "utf8");
