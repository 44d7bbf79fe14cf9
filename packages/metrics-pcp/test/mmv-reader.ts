/** A small reader of MMV files, for what PCP's own does not tell; that one reads the same files in the other tests. */
export function read(bytes: Buffer) {
  const long = (at: number) => Number(bytes.readBigInt64LE(at));
  const text = (at: number) => bytes.toString("utf8", at, bytes.indexOf(0, at));
  const contents = Array.from({ length: bytes.readInt32LE(24) }, (_, i) => {
    const at = 40 + 16 * i;
    return { type: bytes.readInt32LE(at), count: bytes.readInt32LE(at + 4), offset: long(at + 8) };
  });
  const of = (type: number, size: number) => {
    const { count = 0, offset = 0 } = contents.find((part) => part.type === type) ?? {};
    return Array.from({ length: count }, (_, i) => offset + i * size);
  };
  const metrics: Record<string, { semantics: number; units: number; values: Record<string, number> }> = {};
  const items: Record<string, number> = {};
  const helps: Record<string, string> = {};
  for (const at of of(3, 48)) {
    const name = text(long(at));
    metrics[name] = { semantics: bytes.readInt32LE(at + 16), units: bytes.readInt32LE(at + 20), values: {} };
    items[name] = bytes.readInt32LE(at + 8);
    helps[name] = text(long(at + 32));
  }
  const values = of(4, 32);
  for (const at of values) {
    const instance = long(at + 24);
    metrics[text(long(long(at + 16)))]!.values[instance === 0 ? "" : text(long(instance + 16))] =
      bytes.readDoubleLE(at);
  }
  const header = { generation: long(8), pid: bytes.readInt32LE(32), cluster: bytes.readInt32LE(36) };
  return { header, metrics, items, helps, values: values.length };
}
