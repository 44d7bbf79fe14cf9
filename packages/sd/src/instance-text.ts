import { type Instance, parseInstance } from "./instance.ts";

/** What registries take in one value is a MiB or more; an instance needs a few hundred bytes. */
const maxBytes = 65_536;

/**
 * An instance for a registry that keeps plain values: the address alone where there is nothing else to say, which is what go-kit writes and reads; JSON otherwise.
 *
 * @throws {TypeError} when it is so long that `decodeInstance` would refuse it.
 */
export function encodeInstance(instance: Instance): Buffer {
  const { address, ...more } = instance;
  const isPlain = Object.keys(more).length === 0 && !address.startsWith("{");
  return within(Buffer.from(isPlain ? address : JSON.stringify(instance)));
}

/** @throws {TypeError} or `SyntaxError` when it is neither an address nor an instance, or longer than 64 KiB. */
export function decodeInstance(value: Buffer): Instance {
  const text = within(value).toString();
  return parseInstance(text.startsWith("{") ? JSON.parse(text) : { address: text });
}

function within(value: Buffer): Buffer {
  if (value.length <= maxBytes) return value;
  throw new TypeError(`instance: ${value.length} bytes are more than ${maxBytes}`);
}
