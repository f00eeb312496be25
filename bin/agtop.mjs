#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { launch } from "./launch.mjs";

const args = process.argv.slice(2);
launch("agtop", "agtop", fileURLToPath(import.meta.url), args, args);
