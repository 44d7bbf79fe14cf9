import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { background, codeOf } from "@kit/endpoint";
import { firstInstances, type Instancer } from "@kit/sd";
import { type Server, startServer, tcpProxy, whenStartable, zookeeper } from "@kit/servers";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { zkClient, type ZkClient, zkInstancer, zkRegistrar } from "../src/index.ts";
import { meddler, newPath, stranger } from "./workbench.ts";

const patience = { interval: 20, timeout: 30_000 };
const soon = (): ReturnType<typeof background.withTimeout> => background.withTimeout(20_000);

/** The last list that it told, as addresses. */
function lastOf(instancer: Instancer): () => string {
  let last = "nothing";
  instancer.subscribe(({ instances }) => {
    if (instances !== undefined) last = instances.map(({ address }) => address).join(" ");
  });
  return () => last;
}

whenStartable(zookeeper, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(zookeeper);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  // Long enough for a busy machine where nothing is said of it.
  const clientOf = (servers = server.url, sessionTimeoutMs = 5_000): ZkClient =>
    zkClient({ servers, sessionTimeoutMs, connectTimeoutMs: 1_000 });

  it("TestCreateParentNodes, TestGetEntriesOnServer: makes the nodes above, keeps one that go-kit reads, and takes it away", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf();
    const path = `${newPath()}/deep`;
    await using instancer = zkInstancer({ client, path });
    expect(await firstInstances(instancer, soon())).toEqual([]);
    const registrar = zkRegistrar({ client, path, instance: { address: "10.0.0.1:8080" } });
    await registrar.register();
    const [name] = await other.children(path);
    expect(await other.read(`${path}/${name}`)).toBe("10.0.0.1:8080");
    await registrar.close();
    expect(await other.children(path)).toEqual([]);
  });

  it("TestInstancer, TestServiceUpdate: reads what go-kit writes, and its changes", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf();
    const path = newPath();
    await other.makePath(path);
    await other.make(`${path}/_c_6d5d8f5b9a4a4a2e-0000000000`, "http://10.0.0.1:8080");
    await using instancer = zkInstancer({ client, path });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "http://10.0.0.1:8080" }]);
    const last = lastOf(instancer);
    await other.make(`${path}/_c_6d5d8f5b9a4a4a2e-0000000001`, "b:1");
    await vi.waitUntil(() => last() === "b:1 http://10.0.0.1:8080", patience);
    const lists: (number | undefined)[] = [];
    instancer.subscribe(({ instances }) => void lists.push(instances?.length));
    for (let n = 2; n < 5; n++) {
      await other.write(`${path}/_c_6d5d8f5b9a4a4a2e-0000000001`, `b:${n}`);
      await vi.waitUntil(() => last() === `b:${n} http://10.0.0.1:8080`, patience);
    }
    expect(new Set(lists)).toEqual(new Set([2]));
    await other.remove(`${path}/_c_6d5d8f5b9a4a4a2e-0000000000`);
    await vi.waitUntil(() => last() === "b:4", patience);
  });

  it("ignores nodes that are no instances, and tells of them", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf();
    const path = newPath();
    await other.makePath(path);
    for (const [n, bad] of ["", "{", "x".repeat(70_000)].entries()) {
      await other.make(`${path}/${n}`, bad);
    }
    await other.make(`${path}/good`, "a:1");
    const errors: string[] = [];
    await using instancer = zkInstancer({ client, path, onError: ({ message }) => void errors.push(message) });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
    expect(errors).toHaveLength(3);
  });

  it("takes the newest of what several nodes say of one address", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf();
    const path = newPath();
    await other.makePath(path);
    for (const weight of [1, 3, 2]) await other.make(`${path}/${9 - weight}`, `{"address":"a:1","weight":${weight}}`);
    await using instancer = zkInstancer({ client, path });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1", weight: 2 }]);
  });

  it("goes on when somebody has removed the service's node and it is there again", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf();
    const path = newPath();
    await using instancer = zkInstancer({ client, path });
    const last = lastOf(instancer);
    await vi.waitUntil(() => last() === "", patience);
    await other.remove(path);
    await vi.waitUntil(async () => (await other.children(path).catch(() => undefined)) !== undefined, patience);
    await other.make(`${path}/a`, "a:1");
    await vi.waitUntil(() => last() === "a:1", patience);
    expect(instancer.status.state).toBe("fresh");
  });

  it("lives below the node that its servers are given with, and makes it", async () => {
    await using other = await stranger(server.url);
    const root = newPath();
    await using client = clientOf(`${server.url}${root}`);
    await using registrar = zkRegistrar({ client, path: "/addsvc", instance: { address: "a:1" } });
    await registrar.register();
    expect(await other.children(`${root}/addsvc`)).toHaveLength(1);
    await using instancer = zkInstancer({ client, path: "/addsvc" });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
  });

  it("makes its node again when somebody has removed it", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf();
    const path = newPath();
    const errors: string[] = [];
    const instance = { address: "a:1" };
    await using registrar = zkRegistrar({
      client,
      path,
      instance,
      onError: (error) => void errors.push(codeOf(error)),
    });
    await registrar.register();
    const [name] = await other.children(path);
    await other.remove(`${path}/${name}`);
    await vi.waitUntil(async () => (await other.children(path)).length === 1, patience);
    expect(await other.children(path)).not.toEqual([name]);
    expect(errors).toContain("not_found");
  });

  it("keeps its node while the server restarts within the session's time", async () => {
    await using client = clientOf(server.url, 60_000);
    const path = newPath();
    await using registrar = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await using instancer = zkInstancer({ client, path });
    await registrar.register();
    const before = await childrenOf(path);
    const last = lastOf(instancer);
    await vi.waitUntil(() => last() === "a:1", patience);
    const told: string[] = [];
    instancer.subscribe(({ instances, error }) => void told.push(instances?.[0]?.address ?? codeOf(error)));
    await server.restart();
    await vi.waitUntil(() => instancer.status.state === "fresh" && told.length > 1, patience);
    expect([told[0], told[1], told.at(-1)]).toEqual(["a:1", "unavailable", "a:1"]);
    expect(await childrenOf(path)).toEqual(before);
  });

  it("finds out that the network is cut, and is there again, once, when it is healed after the session's time", async () => {
    await using proxy = await tcpProxy(server.port);
    await using client = clientOf(`127.0.0.1:${proxy.port}`, 1_000);
    const path = newPath();
    await using registrar = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await using instancer = zkInstancer({ client, path });
    await registrar.register();
    const before = await childrenOf(path);
    const last = lastOf(instancer);
    await vi.waitUntil(() => last() === "a:1", patience);
    const codes = new Set<string>();
    instancer.subscribe(({ error }) => void (error && codes.add(codeOf(error))));
    proxy.cut();
    // The connection is given up first; then new ones are not answered.
    await vi.waitUntil(() => codes.has("deadline_exceeded"), patience);
    expect(codes).toContain("unavailable");
    expect(instancer.status.state).toBe("stale");
    expect(last()).toBe("a:1");
    await vi.waitUntil(async () => (await childrenOf(path)).length === 0, patience);
    proxy.heal();
    await vi.waitUntil(async () => (await childrenOf(path)).length === 1, patience);
    await vi.waitUntil(() => instancer.status.state === "fresh" && last() === "a:1", patience);
    expect(await childrenOf(path)).not.toEqual(before);
  });

  it("rejects when the server is stopped, and leaves nothing behind when it goes on", async () => {
    await using client = clientOf(server.url, 20_000);
    const path = newPath();
    await using kept = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await kept.register();
    server.pause();
    await using registrar = zkRegistrar({ client, path, instance: { address: "b:1" } });
    expect(codeOf(await registrar.register().catch((error: unknown) => error))).toBe("deadline_exceeded");
    server.resume();
    await vi.waitUntil(async () => (await dataOf(path)).join() === "a:1", patience);
    await registrar.register();
    expect((await dataOf(path)).toSorted()).toEqual(["a:1", "b:1"]);
  });

  it("leaves nothing behind when the node was made and the answer lost", async () => {
    await using network = await meddler(server.port);
    await using client = clientOf(network.servers, 6_000);
    const path = newPath();
    await using kept = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await kept.register();
    network.loseAnswers();
    await using registrar = zkRegistrar({ client, path, instance: { address: "b:1" } });
    const rejected = registrar.register().catch((error: unknown) => codeOf(error));
    await vi.waitUntil(async () => (await dataOf(path)).length === 2, patience);
    expect(await rejected).toBe("deadline_exceeded");
    network.heal();
    await vi.waitUntil(async () => (await dataOf(path)).join() === "a:1", patience);
  });

  it("registers, and takes its node away, over a connection that has just been lost", async () => {
    await using proxy = await tcpProxy(server.port);
    await using client = clientOf(`127.0.0.1:${proxy.port}`, 60_000);
    const path = newPath();
    await using kept = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await kept.register();
    await using registrar = zkRegistrar({ client, path, instance: { address: "b:1" } });
    proxy.reset();
    await registrar.register();
    expect((await dataOf(path)).toSorted()).toEqual(["a:1", "b:1"]);
    proxy.reset();
    await registrar.deregister();
    expect(await dataOf(path)).toEqual(["a:1"]);
  });

  it("takes its node away, as soon as it can, when the connection is lost while it deregisters", async () => {
    await using network = await meddler(server.port);
    await using client = clientOf(network.servers, 60_000);
    const path = newPath();
    await using kept = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await using instancer = zkInstancer({ client, path });
    await using registrar = zkRegistrar({ client, path, instance: { address: "b:1" } });
    await kept.register();
    await registrar.register();
    const last = lastOf(instancer);
    await vi.waitUntil(() => last() === "a:1 b:1", patience);
    const deregistered = registrar.deregister().catch((error: unknown) => codeOf(error));
    network.heal();
    expect(["unavailable", undefined]).toContain(await deregistered);
    await vi.waitUntil(() => last() === "a:1", patience);
  });

  it("takes another server when one refuses or is silent, and keeps its session", async () => {
    await using first = await tcpProxy(server.port);
    await using second = await tcpProxy(server.port);
    const silent = await tcpProxy(server.port);
    silent.cut();
    await using _ = silent;
    const servers = [1, first.port, silent.port, second.port].map((port) => `127.0.0.1:${port}`).join();
    await using client = clientOf(servers, 30_000);
    const path = newPath();
    await using registrar = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await registrar.register();
    await using instancer = zkInstancer({ client, path });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
    const before = await childrenOf(path);
    const [used, spare] = first.connections > 0 ? [first, second] : [second, first];
    used.cut();
    used.reset();
    await vi.waitUntil(() => spare.connections > 0 && instancer.status.state === "fresh", patience);
    expect(await childrenOf(path)).toEqual(before);
  });

  it.each([
    ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["ones", Buffer.alloc(64, 0xff)],
    ["nothing", Buffer.alloc(64)],
    ["too much", Buffer.concat([Buffer.from([0, 0x7f, 0xff, 0xff]), Buffer.alloc(100)])],
    ["a short answer", Buffer.from([0, 0, 0, 4, 1, 2, 3, 4])],
  ])("calls a server that answers with %s unavailable", async (_, garbage) => {
    const liar = createServer((socket) => void socket.on("error", () => {}).end(garbage));
    await once(liar.listen(0, "127.0.0.1"), "listening");
    await using client = clientOf(`127.0.0.1:${(liar.address() as AddressInfo).port}`);
    await using instancer = zkInstancer({ client, path: newPath() });
    await vi.waitUntil(() => instancer.status.state === "failing", patience);
    expect(codeOf(instancer.status.error)).toBe("unavailable");
    liar.close();
  });

  it.each([
    ["an answer to nothing", frame(7, 0)],
    ["an event that says nothing", frame(-1, 0)],
    ["half an answer", Buffer.from([0, 0, 0, 90, 1, 2])],
  ])("gives up a connection on which comes %s, and recovers", async (_, garbage) => {
    await using network = await meddler(server.port);
    await using other = await stranger(server.url);
    await using client = clientOf(network.servers);
    const path = newPath();
    await using instancer = zkInstancer({ client, path });
    const last = lastOf(instancer);
    await vi.waitUntil(() => last() === "", patience);
    const codes = new Set<string>();
    instancer.subscribe(({ error }) => void (error && codes.add(codeOf(error))));
    network.say(garbage);
    await vi.waitUntil(() => codes.size > 0, patience);
    await other.make(`${path}/a`, "a:1");
    await vi.waitUntil(() => last() === "a:1" && instancer.status.state === "fresh", patience);
    expect(codes).toEqual(new Set(["unavailable"]));
  });

  it("survives an error of which the driver does not know, and recovers", async () => {
    await using network = await meddler(server.port);
    await using client = clientOf(network.servers);
    const path = newPath();
    const errors: unknown[] = [];
    const instance = { address: "a:1" };
    await using registrar = zkRegistrar({ client, path, instance, onError: ({ cause }) => void errors.push(cause) });
    await registrar.register();
    const before = await childrenOf(path);
    network.spoil(-118);
    await vi.waitUntil(() => errors.length > 0, patience);
    expect(String(errors[0])).toContain("Unknown code: -118");
    await registrar.register();
    expect(await childrenOf(path)).toEqual(before);
    await registrar.deregister();
    expect(await childrenOf(path)).toEqual([]);
  });

  it("follows a hundred changes a second to the last, without reading anew what has not changed", async () => {
    await using other = await stranger(server.url);
    await using client = clientOf(server.url, 30_000);
    const path = newPath();
    await other.makePath(path);
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => other.make(`${path}/${n}`, `a:${n}`)));
    await using instancer = zkInstancer({ client, path });
    let last: readonly string[] = [];
    let lists = 0;
    instancer.subscribe(({ instances }) => {
      last = instances?.map(({ address }) => address) ?? last;
      lists += 1;
    });
    await vi.waitUntil(() => last.length === 1_000, patience);
    const packets = await received();
    const [began, heard] = [performance.now(), lists];
    for (let n = 0; n < 300; n++) await other.make(`${path}/new-${n}`, `b:${n}`);
    for (let n = 0; n < 200; n++) await other.remove(`${path}/${n}`);
    await vi.waitUntil(() => last.length === 1_100, patience);
    expect(last.filter((address) => address.startsWith("b:"))).toHaveLength(300);
    const readings = (performance.now() - began) / 100 + 2;
    expect(lists - heard).toBeLessThanOrEqual(readings);
    // Its own 500, a read for each that is new, and the lists; some pings, some looks at this number.
    expect((await received()) - packets).toBeLessThan(500 + 300 + readings + 150);
  });

  it("TestCredentials1, TestCredentials2: reads and writes with the credentials, and not without", async () => {
    const path = newPath();
    const acl = ["auth::cdrwa"];
    await using client = zkClient({ servers: server.url, auth: { scheme: "digest", auth: "ada:secret" }, acl });
    await using registrar = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await registrar.register();
    await using instancer = zkInstancer({ client, path });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);

    await using nobody = clientOf();
    await using refused = zkInstancer({ client: nobody, path });
    await vi.waitUntil(() => refused.status.state === "failing", patience);
    expect(codeOf(refused.status.error)).toBe("permission_denied");
    await using intruder = zkRegistrar({ client: nobody, path, instance: { address: "b:1" } });
    expect(codeOf(await intruder.register().catch((error: unknown) => error))).toBe("permission_denied");

    await using unknown = zkClient({ servers: server.url, auth: { scheme: "nonsense", auth: "x" } });
    await using stranded = zkRegistrar({ client: unknown, path, instance: { address: "b:1" } });
    const error = await stranded.register().catch((failure: unknown) => failure);
    expect(codeOf(error)).toBe("unauthenticated");

    await using anonymous = zkClient({ servers: server.url, acl });
    await using lost = zkRegistrar({ client: anonymous, path: newPath(), instance: { address: "b:1" } });
    expect(codeOf(await lost.register().catch((failure: unknown) => failure))).toBe("invalid_argument");
  });

  it("tells of a node that it may not read, and lists the others", async () => {
    await using other = await stranger(server.url);
    const path = newPath();
    await other.makePath(path);
    await other.make(`${path}/open`, "a:1");
    await using owner = zkClient({
      servers: server.url,
      auth: { scheme: "digest", auth: "ada:secret" },
      acl: ["auth::cdrwa"],
    });
    await using registrar = zkRegistrar({ client: owner, path, instance: { address: "b:1" } });
    await registrar.register();
    await using client = clientOf();
    const errors: string[] = [];
    const onError = ({ cause }: Error): void => void errors.push(codeOf(cause));
    await using instancer = zkInstancer({ client, path, onError });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
    expect(errors).toEqual(["permission_denied"]);
  });

  it("speaks TLS, and trusts the certificates that it is told to, and no others", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kit-zk-tls-"));
    const [keyFile, certFile] = [join(directory, "key"), join(directory, "cert")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    await promisify(execFile)("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", keyFile, "-out", certFile]);
    const [key, cert] = await Promise.all([readFile(keyFile, "utf8"), readFile(certFile, "utf8")]);
    await rm(directory, { recursive: true });
    const secure = createTlsServer({ key, cert }, (socket) => {
      const upstream = connect(server.port, "127.0.0.1");
      socket.pipe(upstream).pipe(socket);
      socket.on("error", () => upstream.destroy());
    });
    await once(secure.listen(0, "127.0.0.1"), "listening");
    const servers = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const path = newPath();
    await using client = zkClient({ servers, tls: { ca: cert } });
    await using registrar = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await registrar.register();
    expect(await dataOf(path)).toEqual(["a:1"]);
    await using wary = zkClient({ servers, tls: {} });
    await using instancer = zkInstancer({ client: wary, path });
    await vi.waitUntil(() => instancer.status.state === "failing", patience);
    expect(codeOf(instancer.status.error)).toBe("unavailable");
    secure.close();
  });

  it("TestConnection: does nothing more once its client is closed, which takes away what is left", async () => {
    const client = clientOf(server.url, 60_000);
    const path = newPath();
    await using registrar = zkRegistrar({ client, path, instance: { address: "a:1" } });
    await using instancer = zkInstancer({ client, path });
    await registrar.register();
    await firstInstances(instancer, soon());
    await Promise.all([client.close(), client.close()]);
    expect(await childrenOf(path)).toEqual([]);
    await vi.waitUntil(() => codeOf(instancer.status.error) === "failed_precondition", patience);
    await using late = zkRegistrar({ client, path, instance: { address: "a:1" } });
    expect(codeOf(await late.register().catch((error: unknown) => error))).toBe("failed_precondition");
  });

  async function childrenOf(path: string): Promise<string[]> {
    await using other = await stranger(server.url);
    return await other.children(path).catch(() => []);
  }

  async function dataOf(path: string): Promise<string[]> {
    await using other = await stranger(server.url);
    const names = await other.children(path);
    // One may go meanwhile.
    const read = names.map((name) => other.read(`${path}/${name}`).catch(() => undefined));
    return (await Promise.all(read)).filter((data) => data !== undefined);
  }

  /** How many requests the server has had. */
  function received(): Promise<number> {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(server.port, "127.0.0.1", () => socket.write("srvr"));
      socket.on("data", (part) => (text += String(part))).on("error", reject);
      socket.on("close", () => resolve(Number(/Received: (\d+)/.exec(text)?.[1])));
    });
  }
});

/** A reply that is all header, as a server sends it. */
function frame(xid: number, error: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeInt32BE(16, 0);
  header.writeInt32BE(xid, 4);
  header.writeInt32BE(error, 16);
  return header;
}
