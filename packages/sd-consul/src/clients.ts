import type Consul from "consul";

export type Clients = readonly [Consul, ...Consul[]];

/** @throws {TypeError} when there is none, or one is no Consul client. */
export function parseClients(caller: string, client: Consul | readonly Consul[]): Clients {
  const clients = Array.isArray(client) ? (client as readonly Consul[]) : [client as Consul];
  if (clients.length === 0 || clients.some((one) => typeof one?.health?.service !== "function")) {
    throw new TypeError(`${caller}: client must be a Consul client, or several`);
  }
  return clients as Clients;
}

export function parseService(caller: string, service: string): string {
  if (typeof service !== "string" || service === "") throw new TypeError(`${caller}: service must be a name`);
  return service;
}

/** @throws {TypeError} when it is no array of strings. */
export function parseTags(caller: string, tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== "string" || tag === "")) {
    throw new TypeError(`${caller}: tags must be an array of names`);
  }
  return [...tags];
}

export function parseMs(name: string, value: number, lowest: number): number {
  if (!(typeof value === "number" && value >= lowest && value < 2 ** 31)) {
    throw new TypeError(`${name} must be a number from ${lowest} to ${2 ** 31 - 1}, got ${String(value)}`);
  }
  return value;
}
