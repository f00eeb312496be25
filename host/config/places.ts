/** Where settings come from besides the home. */
import { join } from "node:path";

/** The system's file where nobody names another one. */
export const SYSTEM_FILE = join("/", "etc", "runloop", "config.yaml");

/** `RUNLOOP__SECTION__KEY=value`. */
export const ENVIRONMENT_PREFIX = "RUNLOOP__";
