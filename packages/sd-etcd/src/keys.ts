import { optionError, requireText } from "@kit/sd";
import type { Namespace } from "etcd3";

/** The keys that begin with a prefix, as etcd names a range of keys. */
export interface KeyRange {
  readonly key: Buffer;
  readonly range_end: Buffer;
}

/** A service's keys begin with its prefix and a slash, or `/foo` would have those of `/foobar`, too. */
export function servicePrefix(caller: string, client: Namespace, prefix: string): Buffer {
  if (typeof client?.kv?.range !== "function") {
    throw optionError(`${caller}: client`, "an Etcd3 or a namespace of one", client);
  }
  requireText(`${caller}: prefix`, prefix);
  return Buffer.concat([client.prefix, Buffer.from(prefix.endsWith("/") ? prefix : `${prefix}/`)]);
}

/** It ends where the last byte, a slash, is one more. */
export function keysBelow(prefix: Buffer): KeyRange {
  const range_end = Buffer.from(prefix);
  range_end[range_end.length - 1]! += 1;
  return { key: prefix, range_end };
}
