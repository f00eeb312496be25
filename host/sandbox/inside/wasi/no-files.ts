/** `wasi:filesystem` where no directory is given: there is none to open, so there is no file, and no stream has an error of one. */
import { interfaceOf } from "../../../component/interfaces.js";
import { GuestTrap } from "../ends.js";
import type { WasiFunction } from "./contract.js";

const unreachable: WasiFunction = () => {
  throw new GuestTrap("wasi:filesystem: a handle of a file, and there are no files");
};

export const noFiles: Readonly<Record<string, readonly (readonly [string, WasiFunction])[]>> = {
  "wasi:filesystem/preopens": [["get-directories", () => []]],
  "wasi:filesystem/types": Object.keys(interfaceOf("wasi:filesystem/types")!.functions).map((name) => [
    name,
    name === "filesystem-error-code" ? () => null : unreachable,
  ]),
};
