/** The methods that the gate knows. */
export const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

/** Methods that only look (RFC 9110, 9.2.1). Every other one is an external action. */
export const isSafe = (method: Method): boolean => method === "GET" || method === "HEAD" || method === "OPTIONS";
