import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { background, codeOf } from "@kit/endpoint";
import { loggerFunc } from "@kit/log";
import type { Registrar } from "@kit/sd";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type ProfilesClient, profilesClient } from "../src/client.ts";
import type { Database } from "../src/database.ts";
import { profilesHandler } from "../src/handler.ts";
import { openRegistry } from "../src/registry.ts";
import { profileService } from "../src/service.ts";
import { openTestDatabase } from "./database.ts";

const ignore = (): void => {};

interface Instance {
  readonly calls: () => number;
  /** As when its process is killed: it stays registered. */
  readonly kill: () => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

let database: Database;
let directory: string;
let client: ProfilesClient;
let instances: Instance[];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

async function startInstance(): Promise<Instance> {
  let calls = 0;
  const handler = profilesHandler(
    profileService(database),
    loggerFunc(() => (calls += 1)),
  );
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  const registry = await openRegistry(directory, ignore);
  const registrar: Registrar = registry.registrar({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
  await registrar.register();
  const kill = (): Promise<unknown> => {
    const closed = server.listening ? once(server, "close") : Promise.resolve();
    server.close();
    server.closeAllConnections();
    return closed;
  };
  return {
    calls: () => calls,
    kill,
    async stop() {
      await registrar.close();
      await kill();
    },
  };
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "profilesvc-test-"));
  instances = await Promise.all([startInstance(), startInstance()]);
  // Time for a busy machine, in place of half a second.
  client = await profilesClient({ registry: directory, timeoutMs: 20_000, onError: ignore });
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await Promise.all(instances.map(({ stop }) => stop()));
  rmSync(directory, { recursive: true, force: true });
});

test("has every method of the service, with what replies leave out put back", async () => {
  const profileID = randomUUID();
  await client.postProfile({ id: profileID }, background);
  expect(await client.getProfile({ profileID }, background)).toEqual({
    profile: { id: profileID, name: "", addresses: [] },
  });
  await client.putProfile({ profileID, id: profileID, name: "one" }, background);
  await client.patchProfile({ profileID, name: "two" }, background);
  await client.postAddress({ profileID, id: "home", location: "Berlin" }, background);
  expect(await client.getAddress({ profileID, addressID: "home" }, background)).toEqual({
    address: { id: "home", location: "Berlin" },
  });
  await client.deleteAddress({ profileID, addressID: "home" }, background);
  expect(await client.getAddresses({ profileID }, background)).toEqual({ addresses: [] });
  await client.deleteProfile({ profileID }, background);
  const error = await client.getProfile({ profileID }, background).catch((caught: unknown) => caught);
  expect(codeOf(error)).toBe("not_found");
});

test("has the codes that go-kit's statuses do not tell", async () => {
  const id = randomUUID();
  await client.postProfile({ id }, background);
  expect(codeOf(await client.postProfile({ id }, background).catch((error: unknown) => error))).toBe("already_exists");
});

test("calls the instances in turn", async () => {
  for (let i = 0; i < 10; i += 1) await client.getAddresses({ profileID: "nobody" }, background).catch(ignore);
  expect(instances.map(({ calls }) => calls())).toEqual([5, 5]);
});

test("goes on when an instance dies without a word", async () => {
  const profileID = randomUUID();
  await client.postProfile({ id: profileID, name: "one" }, background);
  await instances[0]!.kill();
  for (let i = 0; i < 10; i += 1) {
    expect((await client.getProfile({ profileID }, background)).profile.name).toBe("one");
  }
  // What could not be sent to the dead one may be sent to the other, whatever it is.
  for (let i = 0; i < 4; i += 1) await client.postAddress({ profileID, id: `a${i}` }, background);
  expect((await client.getAddresses({ profileID }, background)).addresses).toHaveLength(4);
});

test("is closed once, and then refuses", async () => {
  await client[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  const error = await client.getProfile({ profileID: "1" }, background).catch((caught: unknown) => caught);
  expect(codeOf(error)).toBe("unavailable");
});

test("has members for its methods only", () => {
  expect(Object.keys(client)).toHaveLength(9);
});
