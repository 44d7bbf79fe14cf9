import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { codeOf } from "@kit/endpoint";
import type { Instancer } from "@kit/sd";
import { vi } from "vitest";

/** Much longer than anything takes, but on a machine that is busy with something else. */
const patienceMs = 30_000;

vi.setConfig({ testTimeout: 3 * patienceMs, hookTimeout: 8 * patienceMs });

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

/** What an instancer tells, as addresses and error codes, and a way to wait for it. */
export class Heard {
  readonly events: (string[] | string)[] = [];
  readonly errors: Error[] = [];
  #awaited = 0;
  #look = (): void => {};

  constructor(instancer: Instancer) {
    instancer.subscribe(({ instances, error }) => {
      this.events.push(instances?.map(({ address }) => address) ?? codeOf(error));
      if (error !== undefined) this.errors.push(error);
      this.#look();
    });
  }

  /** Resolves when this was told, after what was awaited before. */
  async until(...expected: readonly string[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`told ${JSON.stringify(this.events)}, not ${JSON.stringify(expected)} at the end`));
      }, patienceMs);
      this.#look = () => {
        const found = this.events.findIndex((event, n) => n >= this.#awaited && String(event) === String(expected));
        if (found === -1) return;
        this.#awaited = found + 1;
        clearTimeout(late);
        resolve();
      };
      this.#look();
    });
    this.#look = () => {};
  }
}

/** Waits for what no instancer tells. */
export function eventually(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  return vi.waitUntil(condition, { interval: 20, timeout: patienceMs });
}
