/** Without `time`: dates can be made and read, what time it is cannot. */
import { notGranted } from "../errors.js";
import { installClock } from "./date.js";

installClock(notGranted("the time", "time = true"), notGranted("performance.now", "time = true"));
