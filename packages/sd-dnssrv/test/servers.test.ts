import dns from "node:dns";
import { expect, it } from "vitest";
import { parseServers } from "../src/servers.ts";

it.for([
  ["10.0.0.10", "10.0.0.10", 53],
  ["10.0.0.10:5353", "10.0.0.10", 5_353],
  ["::1", "::1", 53],
  ["[::1]", "::1", 53],
  ["[::1]:5353", "::1", 5_353],
  ["fe80::1%eth0", "fe80::1%eth0", 53],
  ["[fe80::1%eth0]:5353", "fe80::1%eth0", 5_353],
] as const)("reads %s", ([server, host, port]) => {
  expect(parseServers("an option", [server])).toEqual([{ host, port }]);
});

it("reads what Node says of the system", () => {
  const resolver = new dns.Resolver();
  resolver.setServers(["10.0.0.1", "10.0.0.2:5353", "::1", "[::1]:5353"]);
  expect(parseServers("an option", resolver.getServers()).map(({ port }) => port)).toEqual([53, 5_353, 53, 5_353]);
});
