import { afterAll, describe, expect, it } from "vitest";
import { zkClient, zkInstancer, zkRegistrar } from "../src/index.ts";
import { parseAcl } from "../src/acl.ts";
import { parseServers } from "../src/servers.ts";

const client = zkClient({ servers: "127.0.0.1" });
afterAll(() => client.close());

describe("options", () => {
  it.each([
    [{ servers: undefined }, "servers must be"],
    [{ servers: "" }, "servers must be"],
    [{ servers: "a:1,,b:1" }, "servers must be"],
    [{ servers: "a:99999" }, "servers must be"],
    [{ servers: "a:1/b/" }, "servers must be"],
    [{ sessionTimeoutMs: 999 }, "sessionTimeoutMs must be"],
    [{ connectTimeoutMs: 0 }, "connectTimeoutMs must be"],
    [{ auth: { scheme: "digest", auth: "" } }, "auth must have"],
    [{ acl: [] }, "acl must be"],
    [{ acl: ["world:anyone"] }, "acl must be"],
    [{ acl: ["world:anyone:x"] }, "acl must be"],
  ])("TestOptions: a client refuses %j", (wrong, message) => {
    expect(() => zkClient({ servers: "a", ...wrong } as never)).toThrow(`zkClient: ${message}`);
  });

  it.each([
    [{ client: {} }, "client must be"],
    [{ path: "" }, "path must be"],
    [{ path: "/" }, "path must be"],
    [{ path: "a" }, "path must be"],
    [{ path: "/a/" }, "path must be"],
    [{ path: "/a/../b" }, "path must be"],
    [{ path: "/a\0" }, "path must be"],
  ])("TestBadInstancerCreate: an instancer and a registrar refuse %j", (wrong, message) => {
    const options = { client, path: "/a", instance: { address: "a:1" }, ...wrong } as never;
    expect(() => zkInstancer(options)).toThrow(`zkInstancer: ${message}`);
    expect(() => zkRegistrar(options)).toThrow(`zkRegistrar: ${message}`);
  });

  it("an instancer refuses a wrong intervalMs, a registrar what is no instance", () => {
    expect(() => zkInstancer({ client, path: "/a", intervalMs: 0 })).toThrow("zkInstancer: intervalMs must be");
    expect(() => zkRegistrar({ client, path: "/a", instance: { address: "" } })).toThrow("instance: address must be");
    const instance = { address: "a:1", metadata: { much: "x".repeat(70_000) } };
    expect(() => zkRegistrar({ client, path: "/a", instance })).toThrow("bytes are more than 65536");
  });

  it.each([
    ["a", [{ host: "a", port: 2181 }], ""],
    [
      "a:1,b.example:2",
      [
        { host: "a", port: 1 },
        { host: "b.example", port: 2 },
      ],
      "",
    ],
    ["a:1/", [{ host: "a", port: 1 }], ""],
    [
      "[::1]:1,[fe80::1]/team/x",
      [
        { host: "::1", port: 1 },
        { host: "fe80::1", port: 2181 },
      ],
      "/team/x",
    ],
  ])("reads the connect string %j", (text, servers, chroot) => {
    expect(parseServers(text)).toEqual({ servers, chroot });
  });

  it("reads an ACL as zkCli.sh writes it", () => {
    expect(parseAcl(["world:anyone:r", "digest:ada:x5bd=:cdrwa", "auth::cd"])).toEqual([
      { scheme: "world", id: "anyone", permissions: 1 },
      { scheme: "digest", id: "ada:x5bd=", permissions: 31 },
      { scheme: "auth", id: "", permissions: 12 },
    ]);
  });
});
