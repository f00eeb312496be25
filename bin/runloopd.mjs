#!/usr/bin/env node
// The background host: `rlp daemon run` under the name that service managers know.
import { fileURLToPath } from "node:url";
import { launch } from "./launch.mjs";

const args = process.argv.slice(2);
launch("runloopd", "rlp", fileURLToPath(import.meta.url), args, ["daemon", "run"].concat(args));
