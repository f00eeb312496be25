/** Entity keys and citations. */
import { blake3, type Digest } from "#core/digest.js";

/** Addresses are compared without regard to case. */
export const emailKey = (email: string): string => email.trim().toLowerCase();
export const contactKey = (email: string): string => `contact:${blake3(emailKey(email))}`;
export const documentKey = (digest: Digest): string => `document:${digest}`;
export const artifactKey = (digest: Digest): string => `artifact:${digest}`;
/** A run's key is `run:` and its whole trace id, prefix included. */
export const runKey = (traceId: string): string => `run:${traceId}`;
export const nodeKey = (traceId: string, node: string): string => `node:${traceId}#${node}`;

const CITATION = /^([0-9a-f]{64})#(\d{1,7})$/;
export const citation = (digest: string, chunk: number): string => `${digest}#${chunk}`;
export function parseCitation(text: string): { readonly digest: Digest; readonly chunk: number } | undefined {
  const match = CITATION.exec(text);
  return match ? { digest: match[1] as Digest, chunk: Number(match[2]) } : undefined;
}
