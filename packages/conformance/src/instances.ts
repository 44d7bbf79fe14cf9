import type { DiscoveredInstance } from "./discovery.ts";

/** How a subject turns a port into an address. */
interface Addressing {
  address?(port: number): string;
}

export function instance(subject: Addressing, port: number): DiscoveredInstance {
  return { address: subject.address?.(port) ?? `127.0.0.1:${port}` };
}

/** So many instances, in the order of their addresses; of a type that lets the first four be named. */
export function instances(subject: Addressing, count: number): [...Four<DiscoveredInstance>, ...DiscoveredInstance[]] {
  const list = Array.from({ length: count }, (_, n) => instance(subject, 20_001 + n));
  return list as [...Four<DiscoveredInstance>, ...DiscoveredInstance[]];
}

type Four<T> = [T, T, T, T];
