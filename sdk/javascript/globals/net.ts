/** With `net`. */
import { fetch } from "../http.js";
import { install } from "./install.js";

install("fetch", fetch);
