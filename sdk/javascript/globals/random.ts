/** With `random`. */
import { random } from "../random.js";
import { installRandom } from "./randomness.js";

installRandom(random.unit, random.bytes);
