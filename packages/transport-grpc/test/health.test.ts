import { background, codeOf } from "@kit/endpoint";
import { expect, it } from "vitest";
import { drainGrpc, GrpcHealth, grpcService, type GrpcServed, serveGrpcHealth } from "../src/index.ts";
import { connected, listening, rejection } from "./serving.ts";

const HealthService = grpcService(GrpcHealth);
const [serving, notServing, serviceUnknown] = [1, 2, 3];

async function watched(ready: (service: string) => boolean | undefined | Promise<boolean>, pollMs = 5) {
  let health!: GrpcServed;
  const { server, address } = await listening((made) => {
    health = serveGrpcHealth({ server: made, ready, pollMs });
  });
  return { server, health, client: connected(HealthService, address) };
}

it("answers as ready does, of the server and of each service", async () => {
  const answers: Record<string, boolean> = { "": true, "pb.Add": false };
  const { client } = await watched((service) => answers[service]);
  const check = async (service: string) => (await client.check({ service }, background)).status;
  expect(await check("")).toBe(serving);
  expect(await check("pb.Add")).toBe(notServing);
  expect(await rejection(client.check({ service: "none" }, background))).toMatchObject({ code: "not_found" });
  answers["pb.Add"] = true;
  expect(await check("pb.Add")).toBe(serving);
});

it("takes what throws for not serving, and tells nobody why", async () => {
  const { client } = await watched(() => Promise.reject(new Error("swordfish")));
  expect((await client.check({}, background)).status).toBe(notServing);
});

it("tells those that watch of each change, and at its end that it does not serve", async () => {
  let ready: boolean | undefined;
  const { client, health, server } = await watched(() => ready);
  const seen: number[] = [];
  for await (const { status } of await client.watch({ service: "pb.Add" }, background)) {
    seen.push(status);
    if (seen.length === 1) ready = true;
    if (seen.length === 2) ready = false;
    if (seen.length === 3) ready = true;
    if (seen.length === 4) void health.close();
  }
  expect(seen).toEqual([serviceUnknown, serving, notServing, serving, notServing]);
  expect(await health.close()).toBe(true);
  expect(codeOf(await rejection(client.check({}, background)))).toMatch(/unavailable|unimplemented/);
  await client[Symbol.asyncDispose]();
  expect(await drainGrpc(server)).toBe(true);
});

it("stops asking when those that watch have gone", async () => {
  let asked = 0;
  const { client } = await watched(() => (asked++, true));
  for await (const _ of await client.watch({}, background)) break;
  await expect.poll(() => asked, { timeout: 2_000 }).toBeGreaterThan(0);
  const quiet = async () => {
    const before = asked;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return asked - before;
  };
  await expect.poll(quiet, { timeout: 5_000 }).toBe(0);
});

it("refuses an interval that is none", async () => {
  await expect(watched(() => true, 0)).rejects.toThrow("pollMs");
});
