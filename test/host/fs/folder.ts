/** A folder of its own for a test, and the attempts that are granted it. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GrantedDirectory } from "#host/fs/granted.js";

export async function folder(): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), "rlp-files-")));
}

export const gone = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** Files by path; a path that ends with a slash is a directory. */
export async function fill(root: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(path.endsWith("/") ? join(root, path) : dirname(join(root, path)), { recursive: true });
    if (!path.endsWith("/")) await writeFile(join(root, path), content);
  }
}

/** Everything below a folder: texts of files by path, null for directories. */
export async function all(root: string, below = ""): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) Object.assign(found, { [`${path}/`]: null }, await all(root, path));
    else found[path] = await readFile(join(root, path), "utf8").catch(() => null);
  }
  return found;
}

export const KEY = new Uint8Array(32).fill(7);

export function grantedOf(
  path: string,
  options: { times?: boolean; closed?: ReadonlySet<`${bigint}:${bigint}`> } = {},
): GrantedDirectory {
  return new GrantedDirectory({ path, key: KEY, closed: options.closed ?? new Set(), times: options.times ?? false });
}
