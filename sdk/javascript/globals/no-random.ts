/** Without `random`. */
import { notGranted } from "../errors.js";
import { installRandom } from "./randomness.js";

installRandom(notGranted("Math.random", "random = true"), notGranted("crypto", "random = true"));
