/** E-mail addresses as an agent without `contacts_raw` sees them: the first character and a salted digest. */
import { blake3 } from "#core/digest.js";
import { address as addressPattern } from "#kb/documents/addresses.js";

/** `john@example.com` → `j…@3f9c0d2a`; equal addresses of one home mask to equal text, so that they can still be compared. */
export function maskAddress(address: string, key: string): string {
  const normal = address.toLowerCase();
  return `${[...normal][0] ?? ""}…@${blake3(key, "\0", normal).slice(0, 8)}`;
}

export function maskAddresses(text: string, key: string): string {
  return text.replace(addressPattern(), (address) => maskAddress(address, key));
}
