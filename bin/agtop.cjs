#!/usr/bin/env node
"use strict";
const { launch } = require("./launch.cjs");

const args = process.argv.slice(2);
launch("agtop", "agtop", __filename, args, args);
