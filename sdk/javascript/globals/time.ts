/** With `time`. */
import { clock } from "../clock.js";
import { installClock } from "./date.js";

installClock(clock.now, clock.elapsed);
