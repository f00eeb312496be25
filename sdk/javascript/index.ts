/**
 * Everything that an agent in JavaScript or TypeScript imports: `import { … } from "runloop"`. `runloop.d.ts` tells an author what is
 * here. An interface becomes an import of the component only where something of it is used, so importing costs no grant.
 */
export { fail, AgentFailure, HostError } from "./errors.js";
export { message, several } from "./outputs.js";
export { log } from "./log.js";
export { kb } from "./kb.js";
export { model } from "./model.js";
export { http } from "./http.js";
export { tools } from "./tools.js";
export { actions } from "./actions.js";
export { clock } from "./clock.js";
export { random } from "./random.js";
export { state } from "./state.js";
