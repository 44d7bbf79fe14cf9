import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 240_000 });

let services = 0;

/** The name of an application that no other test has. */
export const newService = (): string => `addsvc-${process.pid}-${services++}`;

/** Asks the server itself for what it holds of an application. */
export async function records(server: string, service: string): Promise<readonly EurekaRecord[]> {
  const response = await fetch(`${server}/apps/${service}`, { headers: { accept: "application/json" } });
  if (response.status === 404) return [];
  return ((await response.json()) as { application: { instance: readonly EurekaRecord[] } }).application.instance;
}

interface EurekaRecord {
  readonly instanceId: string;
  readonly leaseInfo: { readonly lastRenewalTimestamp: number };
}

/** When Eureka was last told that an instance lives, which the answer for a whole application may hold back. */
export async function lastRenewal(server: string, path: string): Promise<number> {
  const response = await fetch(`${server}/apps/${path}`, { headers: { accept: "application/json" } });
  return ((await response.json()) as { instance: EurekaRecord }).instance.leaseInfo.lastRenewalTimestamp;
}

/** What an operator does to an instance: `DELETE` it, or `PUT` a status. */
export async function operate(server: string, method: string, path: string): Promise<void> {
  const response = await fetch(`${server}/apps/${path}`, { method });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status}`);
}

/** Registers an instance in a process of its own. */
export const registrarScript: URL = new URL("registrar.fixture.mjs", import.meta.url);

/** A server that answers as no Eureka would. */
export interface FakeEureka extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** The requests that it got, as `GET /eureka/apps/X`. */
  readonly requests: string[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export async function fakeEureka(answer: FakeEureka["answer"]): Promise<FakeEureka> {
  const server = createServer((request, response) => {
    fake.requests.push(`${request.method} ${request.url}`);
    request.resume();
    fake.answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const fake: FakeEureka = {
    url: `http://127.0.0.1:${port}/eureka`,
    port,
    requests: [],
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
  return fake;
}

/** An answer that has these records. */
export const application = (...instance: readonly object[]): string =>
  JSON.stringify({ application: { name: "ADDSVC", instance } });

/** A record as a server sends it. */
export const upRecord = (fields: object = {}): object => ({
  instanceId: "a",
  status: "UP",
  ipAddr: "10.0.0.1",
  hostName: "one.example",
  port: { $: 80, "@enabled": "true" },
  securePort: { $: 443, "@enabled": "false" },
  metadata: { "@class": "java.util.Collections$EmptyMap" },
  lastUpdatedTimestamp: "1",
  ...fields,
});
