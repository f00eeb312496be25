/** Ends this process, with status 0. Kept from before `seal`, which takes away what Node's own `exit` calls. */
const reallyExit = (process as unknown as { reallyExit(status: number): never }).reallyExit.bind(process);

export const leave = (): never => reallyExit(0);
