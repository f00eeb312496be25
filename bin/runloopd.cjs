#!/usr/bin/env node
// The background host: `rlp daemon run` under the name that service managers know.
"use strict";
const { launch } = require("./launch.cjs");

const args = process.argv.slice(2);
launch("runloopd", "rlp", __filename, args, ["daemon", "run"].concat(args));
