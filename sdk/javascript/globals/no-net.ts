/** Without `net`. */
import { notGranted } from "../errors.js";
import { install } from "./install.js";

const refuse = notGranted("fetch", 'net = ["host"]');
install("fetch", async () => refuse());
