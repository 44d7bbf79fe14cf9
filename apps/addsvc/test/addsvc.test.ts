import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { background, codeOf } from "@kit/endpoint";
import { implement } from "@kit/service";
import { serveHttp } from "@kit/transport-http";
import { describe, expect, test } from "vitest";
import { Add } from "../src/contract.ts";
import { encodeAddError } from "../src/errors.ts";
import { addService } from "../src/service.ts";
import { routeOf, type Trace } from "../src/traces.ts";
import { addressesOf, all, anyPorts, start } from "./program.ts";

describe("the business", () => {
  test.each([
    [0, 0, "can't sum two zeroes"],
    [2 ** 31 - 1, 1, "integer overflow"],
    [-(2 ** 31), -1, "integer overflow"],
  ])("does not sum %i and %i: %s", async (a, b, message) => {
    const error = await addService.sum({ a, b }, background).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message });
    expect(codeOf(error)).toBe("invalid_argument");
  });

  test("sums to the very ends of 32 bits", async () => {
    expect(await addService.sum({ a: 2 ** 31 - 2, b: 1 }, background)).toEqual({ v: 2 ** 31 - 1 });
    expect(await addService.sum({ a: 1 - 2 ** 31, b: -1 }, background)).toEqual({ v: -(2 ** 31) });
  });

  test("concatenates up to ten bytes, as Go counts them", async () => {
    expect(await addService.concat({ a: "12345", b: "67890" }, background)).toEqual({ v: "1234567890" });
    await expect(addService.concat({ a: "12345", b: "678901" }, background)).rejects.toThrow("exceeds maximum size");
    await expect(addService.concat({ a: "ééé", b: "ééé" }, background)).rejects.toThrow("exceeds maximum size");
  });
});

describe("on HTTP", () => {
  const handler = serveHttp(Add, implement(Add, addService), {
    caseInsensitiveKeys: ["a", "b"],
    errorEncoder: encodeAddError,
  });
  const ask = async (path: string, body: string): Promise<[number, unknown]> => {
    const reply = await handler.fetch(new Request(`http://test${path}`, { method: "POST", body }));
    return [reply.status, await reply.json()];
  };

  test("answers as go-kit's addsvc (TestHTTP)", async () => {
    expect(await ask("/concat", '{"a":"1","b":"2"}')).toEqual([200, { v: "12" }]);
    expect(await ask("/sum", '{"a":1,"b":2}')).toEqual([200, { v: 3 }]);
  });

  test("understands what go-kit's client sends", async () => {
    expect(await ask("/sum", '{"A":1,"B":2}\n')).toEqual([200, { v: 3 }]);
  });

  test("tells a business error as go-kit does, with the code beside it", async () => {
    const message = "can't sum two zeroes";
    expect(await ask("/sum", '{"a":0,"b":0}')).toEqual([400, { error: message, code: "invalid_argument", message }]);
  });
});

describe("the program", () => {
  test("plays its round, and every step comes out right", async () => {
    const { child, lines } = start("--once");
    const exit = once(child, "exit");
    const account = await all(lines);
    expect(account).toContain("none lost");
    expect(account).toContain("Everything came out right.");
    expect(account).not.toContain("✗");
    expect((await exit)[0]).toBe(0);
  }, 60_000);

  test("addcli: prints and fails as go-kit's", async () => {
    const demo = start(...anyPorts, "--retry-timeout=10000");
    const addresses = await addressesOf(demo);
    const addcli = async (...args: string[]): Promise<[code: number, out: string, errors: string]> => {
      const run = start("addcli", ...args);
      const exit = once(run.child, "exit");
      const [out, errors] = await Promise.all([all(run.lines), run.errors]);
      return [(await exit)[0], out, errors];
    };
    const thrift = ["-thrift-addr", addresses["thrift"]!];
    for (const place of [
      ["-http-addr", addresses["http"]!],
      ["-grpc-addr", addresses["grpc"]!],
      ["-jsonrpc-addr", addresses["jsonrpc"]!],
      thrift,
      [...thrift, "-thrift-framed", "-thrift-protocol", "compact"],
    ]) {
      expect(await addcli(...place, "1", "2")).toEqual([0, "1 + 2 = 3\n", ""]);
      expect(await addcli(...place, "-method", "concat", "a", "b")).toEqual([0, '"a" + "b" = "ab"\n', ""]);
      expect(await addcli(...place, "0", "0")).toEqual([1, "", "error: can't sum two zeroes\n"]);
    }
    expect(await addcli("1", "2")).toEqual([1, "", "error: no remote address specified\n"]);
    expect(await addcli(...thrift, "-5", "-6")).toEqual([0, "-5 + -6 = -11\n", ""]);
    demo.child.kill("SIGINT");
    await once(demo.child, "exit");
  }, 120_000);

  test("shows one trace over three hops, and its id in the log of each", async () => {
    const demo = start(...anyPorts);
    const { http, live } = await addressesOf(demo);
    const id = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${id}-b7ad6b7169203331-01` };
    await fetch(`${http}/concat`, { method: "POST", body: '{"a":"x","b":"y"}', headers });
    const trace = await new Promise<Trace>((resolve) => {
      const feed = new AbortController();
      void fetch(`${live}live`, { signal: feed.signal }).then(async (response) => {
        let text = "";
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
          text += chunk;
          const events = text.split("\n\n");
          text = events.pop()!;
          for (const event of events) {
            const { traces } = JSON.parse(event.slice("data: ".length)) as { traces: Trace[] };
            const found = traces.find((one) => one.id === id);
            if (found?.spans.length === 5) return resolve(found);
          }
        }
      });
    });
    const [, ...onTheWay] = routeOf(trace);
    expect(routeOf(trace)[0]).toBe("addsvc/concat on gateway");
    expect(onTheWay).toEqual([expect.stringMatching(/^addsvc\/concat on addsvc-\d$/), "history/record on gateway"]);
    const history = await (await fetch(`${live}history`)).json();
    expect(history).toEqual([{ method: "concat", result: "xy" }]);
    demo.child.kill("SIGINT");
    const lines = (await demo.errors).split("\n").filter((line) => line.includes(`trace_id=${id}`));
    expect(lines.some((line) => line.includes("node=gateway"))).toBe(true);
    expect(lines.some((line) => /node=addsvc-\d/.test(line))).toBe(true);
  }, 60_000);

  test("says in a sentence that a registry is not there", async () => {
    const { child, errors } = start("--once", "--registry=consul", "--registry-addr=http://127.0.0.1:1");
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain("addsvc: cannot register with Consul at http://127.0.0.1:1");
    expect(await errors).not.toContain("    at ");
  }, 60_000);

  test("stops cleanly on SIGINT, its instances with it", async () => {
    const demo = start(...anyPorts);
    const { child, errors } = demo;
    const addresses = await addressesOf(demo);
    expect(await (await fetch(`${addresses["http"]}/sum`, { method: "POST", body: '{"a":1,"b":2}' })).json()).toEqual({
      v: 3,
    });
    const exit = once(child, "exit");
    // What Ctrl-C does: the whole group hears of it.
    process.kill(-child.pid!, "SIGINT");
    expect((await exit)[0]).toBe(0);
    expect(await errors).toContain('reason="received signal SIGINT"');
    for (const name of ["addsvc-1", "addsvc-2", "addsvc-3"]) {
      await expect(fetch(`${addresses[name]}/sum`)).rejects.toThrow("fetch failed");
    }
  }, 60_000);

  test("leaves no instance behind when it is killed", async () => {
    const demo = start(...anyPorts);
    const { child } = demo;
    const addresses = await addressesOf(demo);
    // The instances hold the other end of these pipes: they close when the last of them is gone.
    const gone = once(child, "close");
    child.kill("SIGKILL");
    await gone;
    for (const name of ["addsvc-1", "addsvc-2", "addsvc-3"]) {
      await expect(fetch(`${addresses[name]}/sum`)).rejects.toThrow("fetch failed");
    }
  }, 60_000);

  test("says in a sentence that a port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { child, errors } = start(...anyPorts, `--http-addr=:${port}`);
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain(`addsvc: port ${port} is in use: choose another with --http-addr`);
    expect(await errors).not.toContain("    at ");
    server.close();
  }, 60_000);

  test.each([
    [["--nope"], "Unknown option '--nope'"],
    [["-http-addr", "8081"], '--http-addr must be like :8081 or 0.0.0.0:8081, got "8081"'],
    [["--sum-limit=0"], '--sum-limit must be a positive number, got "0"'],
    [["instance"], "an instance needs --registry-dir"],
    [["--registry=nacos"], '--registry must be one of file, consul, etcd, eureka, zk, got "nacos"'],
  ])("says what is wrong with %j", async (args, message) => {
    const { child, errors } = start(...args);
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain(message);
  });

  test("--help lists the flags", async () => {
    const { child, lines } = start("--help");
    const exit = once(child, "exit");
    expect(await all(lines)).toMatch(/--http-addr +where the service is called over HTTP \(default :8081\)/);
    expect((await exit)[0]).toBe(0);
  });
});
