import { type Code, KitError } from "@kit/endpoint";
import { Exception } from "node-zookeeper-client";

const codes: ReadonlyMap<number, Code> = new Map<number, Code>([
  [Exception.NO_NODE, "not_found"],
  [Exception.NODE_EXISTS, "already_exists"],
  [Exception.NO_AUTH, "permission_denied"],
  [Exception.AUTH_FAILED, "unauthenticated"],
  [Exception.INVALID_ACL, "invalid_argument"],
  [Exception.NO_CHILDREN_FOR_EPHEMERALS, "failed_precondition"],
]);

/** What the driver or a socket failed with, with a code; their own words, which name nodes and hosts, stay in the cause. */
export function zkError(cause: unknown): KitError {
  const code = codes.get((cause as { readonly code: number }).code) ?? "unavailable";
  return new KitError(code, `ZooKeeper failed: ${code}`, { cause });
}
