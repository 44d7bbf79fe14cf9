import { optionError } from "@kit/sd";

/** Who may do what with a node. */
export interface AclEntry {
  readonly scheme: string;
  readonly id: string;
  readonly permissions: number;
}

/** Read, write, create, delete, administer: bit by bit. */
const letters = "rwcda";

/** @throws {TypeError} unless each is an entry as `zkCli.sh` writes them, `scheme:id:permissions`. */
export function parseAcl(acl: readonly string[]): readonly AclEntry[] {
  if (!Array.isArray(acl) || acl.length === 0) throw optionError("zkClient: acl", "an array that is not empty", acl);
  return acl.map((entry: unknown) => {
    const [, scheme, id, given] = /^([^:]+):(.*):([cdrwa]+)$/.exec(String(entry)) ?? [];
    if (given === undefined) throw new TypeError("zkClient: acl must be of entries such as world:anyone:cdrwa");
    const permissions = Array.from(letters).reduce(
      (bits, letter, n) => bits | (Number(given.includes(letter)) << n),
      0,
    );
    return { scheme: scheme!, id: id!, permissions };
  });
}
