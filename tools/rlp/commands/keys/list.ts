/** `rlp keys list`: the keys that this home knows. */
import type { Command } from "commander";
import { Exit, type ExitCode } from "#core/errors.js";
import type { KnownKey } from "#host/trust/keys.js";
import type { Act, Context } from "../../context.js";
import { examples } from "../../program.js";
import { show } from "../../terminal/table.js";

export function define(command: Command, act: Act): void {
  command.addHelpText("after", examples(["rlp keys list", "names, ids, public keys, and which are revoked"])).action(act(list));
}

async function list(context: Context): Promise<ExitCode> {
  const { out } = context;
  const { listKeys } = await import("#host/trust/keys.js");
  show<KnownKey>(
    out,
    listKeys(context.locateHome().keysDir),
    [
      { title: "name", of: ({ name }) => name },
      {
        title: "status",
        of: ({ status }) => status,
        paint: (text, { status }) => (status === "revoked" ? out.colours.red(text) : text),
      },
      { title: "id", of: ({ id }) => id },
      { title: "public key", of: (key) => key.public },
    ],
    "no keys are known; `rlp keys generate` makes one",
  );
  return Exit.ok;
}
