import { optionError } from "@kit/sd";
import type Consul from "consul";

export type Clients = readonly [Consul, ...Consul[]];

/** @throws {TypeError} when there is none, or one is no Consul client. */
export function parseClients(caller: string, client: Consul | readonly Consul[]): Clients {
  const clients = Array.isArray(client) ? (client as readonly Consul[]) : [client as Consul];
  if (clients.length === 0 || clients.some((one) => typeof one?.health?.service !== "function")) {
    throw optionError(`${caller}: client`, "a Consul client, or several", client);
  }
  return clients as Clients;
}

/** @throws {TypeError} unless it is an array of tags. */
export function parseTags(caller: string, tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== "string" || tag === "")) {
    throw optionError(`${caller}: tags`, "an array of strings that are not empty", tags);
  }
  return [...tags];
}
