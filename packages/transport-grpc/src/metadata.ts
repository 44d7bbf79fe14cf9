import { Metadata } from "@grpc/grpc-js";
import { KitError } from "@kit/endpoint";
import type { OutgoingHeaders } from "@kit/transport";

/** Metadata as headers: the values of one name joined by a comma; those of a name that ends in `-bin`, which are bytes, as base64. */
export function headerOf(metadata: Metadata, name: string): string | undefined {
  const values = metadata.get(name);
  if (values.length === 0) return undefined;
  return values.map((value) => (typeof value === "string" ? value : value.toString("base64"))).join(", ");
}

/** Headers as metadata; `undefined` where there are none. @throws {KitError} `invalid_argument` for what metadata cannot hold. */
export function metadataOf(headers: OutgoingHeaders): Metadata | undefined {
  let metadata: Metadata | undefined;
  // Own keys are all that it has, and mostly there are none.
  for (const name in headers) {
    metadata ??= new Metadata();
    const values = headers[name]!;
    try {
      for (const value of typeof values === "string" ? [values] : values) {
        metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
      }
    } catch (cause) {
      throw new KitError("invalid_argument", `metadata cannot hold that value, or that name: ${name}`, { cause });
    }
  }
  return metadata;
}
