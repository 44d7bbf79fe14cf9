/** Every broker has it, so neither side need declare one. */
export const cancelExchange = "amq.topic";

/** Where the callers of a queue say which of their calls they do not want any more, by correlation id. A peer that does not know it hears nothing. */
export function cancelKey(queue: string): string {
  return `kit.cancel.${queue}`;
}

/** A queue's name. @throws {TypeError} when it is none that a broker and {@link cancelKey} can take. */
export function queueName(where: string, name: string): string {
  if (typeof name !== "string" || name === "" || Buffer.byteLength(cancelKey(name)) > 255)
    throw new TypeError(`${where} must be a queue's name of 1 to 244 bytes, got ${JSON.stringify(name)}`);
  return name;
}
