import { execFile } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bind, Heard, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { dnssrvInstancer, type DnssrvInstancerOptions } from "../src/index.ts";
import { newName, nsupdate, replacing, srv } from "./workbench.ts";

const run = promisify(execFile);

whenStartable(bind, () => {
  let server: Server;
  let address: string;
  let name: string;
  let opened: AsyncDisposable[];

  beforeAll(async () => {
    server = await startServer(bind);
    address = `127.0.0.1:${server.port}`;
  });

  afterAll(() => server[Symbol.asyncDispose]());

  beforeEach(() => {
    name = newName();
    opened = [];
  });

  afterEach(async () => {
    server.resume();
    for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
  });

  function watching(options: Partial<DnssrvInstancerOptions> = {}): Heard {
    const instancer = dnssrvInstancer({ name, servers: [address], refreshMs: 50, timeoutMs: 5_000, ...options });
    opened.push(instancer);
    return new Heard(instancer);
  }

  const replace = (...records: readonly string[]): Promise<void> => nsupdate(server, replacing(name, records));

  it("tells what dig tells", async () => {
    const heard = watching({ name: "_http._tcp.addsvc.kit.test" });
    await heard.until("one.kit.test:8080", "two.kit.test:8080");
    const question = ["_http._tcp.addsvc.kit.test", "SRV"];
    const { stdout } = await run("dig", ["@127.0.0.1", "-p", String(server.port), "+short", ...question]);
    const told = stdout.trim().split("\n").toSorted();
    expect(told).toEqual(["0 10 8080 one.kit.test.", "0 30 8080 two.kit.test."]);
    expect(heard.weights).toEqual([10, 30]);
  });

  it("sees changes once the TTL is over, and asks no sooner", async () => {
    await replace(srv(80, "one.kit.test.", { ttl: 2 }));
    const start = performance.now();
    const instancer = dnssrvInstancer({ name, servers: [address] });
    opened.push(instancer);
    const heard = new Heard(instancer);
    await heard.until("one.kit.test:80");
    await replace(srv(81, "one.kit.test.", { ttl: 1 }));
    await heard.until("one.kit.test:81");
    expect(performance.now() - start).toBeGreaterThan(1_990);
    await replace();
    await heard.until();
    await replace(srv(82, "one.kit.test.", { ttl: 3_600 }));
    await heard.until("one.kit.test:82");
    expect(heard.events).toHaveLength(4);
  });

  it("tells an empty list for a name that is not there, and for one that has other records", async () => {
    const heard = watching();
    await heard.until();
    await replace(srv(80));
    await heard.until("one.kit.test:80");
    await replace('1 TXT "x"');
    await heard.until();
    expect(heard.errors).toEqual([]);
  });

  it("honours priorities, weights and what is decidedly not available", async () => {
    const heard = watching();
    await replace(
      srv(80, "a.kit.test.", { priority: 1, weight: 3 }),
      srv(80, "b.kit.test.", { priority: 1, weight: 0 }),
      srv(80, "c.kit.test.", { priority: 2, weight: 9 }),
    );
    await heard.until("a.kit.test:80", "b.kit.test:80");
    expect(heard.weights).toEqual([3, undefined]);
    await replace(srv(80, "c.kit.test.", { priority: 2, weight: 9 }));
    await heard.until("c.kit.test:80");
    await replace(srv(0, "."));
    await heard.until();
  });

  it("follows an alias", async () => {
    const target = newName();
    await nsupdate(server, replacing(target, [srv(80)]) + replacing(name, [`1 CNAME ${target}.`]));
    const heard = watching();
    await heard.until("one.kit.test:80");
    expect(heard.events).toHaveLength(1);
  });

  it("tells the empty list of a server that came back without its data", async () => {
    await replace(srv(80));
    const heard = watching();
    await heard.until("one.kit.test:80");
    await server.restart({ wipe: true });
    await heard.until();
    expect(heard.events.filter((event) => typeof event !== "string")).toEqual([["one.kit.test:80"], []]);
  });

  it("is served by the servers that are left", async () => {
    await replace(srv(80));
    await using other = await startServer(bind);
    await nsupdate(other, replacing(name, [srv(80)]));
    const heard = watching({ servers: ["127.0.0.1:1", `127.0.0.1:${other.port}`, address] });
    await heard.until("one.kit.test:80");
    await other.kill();
    await replace(srv(81));
    await heard.until("one.kit.test:81");
    expect(heard.errors).toEqual([]);
  });

  it("tells of a zone that the server does not have that it may not ask", async () => {
    const heard = watching({ name: "_http._tcp.elsewhere.example" });
    await heard.until("permission_denied");
    expect(heard.errors[0]!.message).toBe("DNS answered REFUSED");
  });

  it("lets a process end once all is closed, also while the server is stopped", async () => {
    await replace(...Array.from({ length: 100 }, (_, n) => srv(1_000 + n)));
    const script = `
      import { dnssrvInstancer } from "@kit/sd-dnssrv";
      const instancer = dnssrvInstancer({ name: "${name}", servers: ["${address}"], refreshMs: 20, timeoutMs: 600_000 });
      await new Promise((resolve) => instancer.subscribe(({ instances }) => instances?.length === 100 && resolve()));
      console.log("listed");
      await new Promise((resolve) => process.stdin.once("data", resolve));
      process.stdin.destroy();
      await instancer.close();
    `;
    const cwd = fileURLToPath(new URL("..", import.meta.url));
    for (const stop of [() => {}, () => server.pause()]) {
      const program = run(process.execPath, ["--input-type=module", "--eval", script], { cwd, timeout: 60_000 });
      await once(program.child.stdout!, "data");
      stop();
      // Time for a question that nobody answers.
      await delay(200);
      program.child.stdin!.end("close\n");
      expect(await program).toEqual({ stdout: "listed\n", stderr: "" });
    }
  });
});
