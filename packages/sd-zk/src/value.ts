import { type Instance, parseInstance } from "@kit/sd";

/** What ZooKeeper keeps in one node by default is 1 MiB; an instance needs a few hundred bytes. */
const maxBytes = 65_536;

/**
 * The address alone where there is nothing else to say, which is what go-kit writes and reads; JSON otherwise.
 *
 * @throws {TypeError} when it is so long that it would not be read.
 */
export function instanceValue(instance: Instance): Buffer {
  const { address, ...more } = instance;
  return within(Buffer.from(Object.keys(more).length === 0 ? address : JSON.stringify(instance)));
}

/** @throws {TypeError} or `SyntaxError` when it is neither an address nor an instance. */
export function parseValue(value: Buffer): Instance {
  const text = within(value).toString();
  return parseInstance(text.startsWith("{") ? JSON.parse(text) : { address: text });
}

function within(value: Buffer): Buffer {
  if (value.length <= maxBytes) return value;
  throw new TypeError(`an instance of ${value.length} bytes is longer than ${maxBytes}`);
}
