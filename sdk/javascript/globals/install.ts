/** Puts a value where programs look for it, as the platform's own are: writable, and not listed. */
export function install(name: string, value: unknown, on: object = globalThis): void {
  Object.defineProperty(on, name, { value, writable: true, enumerable: false, configurable: true });
}
