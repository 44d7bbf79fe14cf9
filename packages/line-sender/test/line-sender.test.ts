import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lineSender, linkTo, newline } from "../src/index.ts";
import { senderTo } from "./daemon.ts";
import { type FakeConnection, fakeLink, settle } from "./fake-link.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Lets the turn end. */
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" });

/** A sender with its connection made and the lines sent, each in a packet of its own. */
async function sending(datagrams: boolean, ...lines: string[]) {
  const fake = fakeLink(datagrams);
  const subject = senderTo({ link: fake.link, packetBytes: 0 });
  for (const line of lines) subject.put(line);
  await turn();
  const connection = fake.latest()!;
  connection.ready();
  return { ...fake, ...subject, connection };
}

describe("packets", () => {
  it("hold lines up to their size, and one that is longer alone", async () => {
    const { link, latest } = fakeLink(true);
    const { sender } = senderTo({ link, packetBytes: 8 });
    for (const line of ["a:1", "b:2", "ü:3", "much too long", "c\nd"]) expect(sender.send(line)).toBe(true);
    sender.flush();
    await turn();
    latest()!.ready();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a:1\nb:2\n", "ü:3\n", "much too long\n", "c\nd\n"]);
  });

  it("go when they are full; one that is not waits for a flush, or for close", async () => {
    const { link, latest } = fakeLink(true);
    const { sender } = senderTo({ link, packetBytes: 4 });
    sender.send("a:1");
    await turn();
    expect(latest()).toBeUndefined();
    sender.send("b:2");
    await turn();
    latest()!.ready();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a:1\n"]);
    sender.flush();
    await turn();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a:1\n", "b:2\n"]);
    sender.send("c:3");
    const closed = sender.close();
    while (settle(latest()!));
    await closed;
    expect(latest()!.written).toEqual(["a:1\n", "b:2\n", "c:3\n"]);
  });

  it("hold what was flushed in one turn, and what came while another was written", async () => {
    const { link, latest } = fakeLink(false);
    const { put } = senderTo({ link });
    put("a");
    put("b");
    await turn();
    latest()!.ready();
    put("c");
    await turn();
    put("d");
    await turn();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a\nb\n", "c\nd\n"]);
  });

  it("fill up as long as others go before them", async () => {
    const { link, latest } = fakeLink(false);
    const { put } = senderTo({ link, packetBytes: 4 });
    for (const line of ["a", "b", "c", "d", "e"]) put(line);
    await turn();
    latest()!.ready();
    settle(latest()!);
    put("f");
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a\nb\n", "c\nd\n", "e\nf\n"]);
  });

  it("go 64 a turn, so that others have theirs", async () => {
    const { connection } = await sending(true, ...Array.from({ length: 200 }, (_, n) => `${n}`));
    const turns: number[] = [];
    while (connection.written.length < 200) {
      while (settle(connection));
      turns.push(connection.written.length);
      await turn();
    }
    expect(turns).toEqual([64, 128, 192, 200]);
  });
});

describe("a queue", () => {
  it("takes no more than maxQueueBytes, and says so once until all of it has gone", async () => {
    const { link, latest } = fakeLink(false);
    const { put, told } = senderTo({ link, packetBytes: 0, maxQueueBytes: 10 });
    expect(["1234", "5678", "9", "x"].map(put)).toEqual([true, true, false, false]);
    await turn();
    latest()!.ready();
    settle(latest()!);
    expect([put("1234"), put("5")]).toEqual([true, false]);
    expect(told.full).toEqual([2]);
    await turn();
    while (settle(latest()!));
    expect(["1234", "5678", "9"].map(put)).toEqual([true, true, false]);
    expect(told).toEqual({ errors: [], full: [2, 2], lost: 0, left: 0 });
  });

  it("that is full may be told to the one who fills it", () => {
    const { link } = fakeLink(false);
    const sender = lineSender("test", { link, maxQueueBytes: 1, onFull: () => void sender.send("full") });
    expect(sender.send("a line")).toBe(false);
  });
});

describe("a connection", () => {
  it("is made with the first lines, and told when nothing waits", async () => {
    const { connection, connections } = await sending(false, "a");
    expect(connection.idle).toBe(0);
    settle(connection);
    expect(connection.idle).toBe(1);
    expect(connections).toHaveLength(1);
  });

  it("that never lasts is made again after 0.1 to 5 s, and told of once", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { put, told, connections, latest } = await sending(false, "line");
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      const before = connections.length;
      const failedAt = Date.now();
      settle(latest()!);
      latest()!.failed(reset);
      put("line");
      while (connections.length === before) await vi.advanceTimersToNextTimerAsync();
      waits.push(Date.now() - failedAt);
      latest()!.ready();
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(told.errors).toEqual([reset]);
    expect(told.lost).toBe(8);
  });

  it("that has lasted and is lost is told of each time, and made again soon", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { put, told, connections, latest } = await sending(false, "line");
    for (let n = 1; n <= 5; n++) {
      settle(latest()!);
      await vi.advanceTimersByTimeAsync(1000);
      latest()!.failed(reset);
      put("line");
      await vi.advanceTimersByTimeAsync(100);
      expect([connections.length, told.errors.length]).toEqual([n + 1, n]);
      latest()!.ready();
    }
    expect(told.lost).toBe(0);
  });

  it("is not made again while there is nothing to send", async () => {
    const { put, connection, connections } = await sending(false, "line");
    settle(connection);
    connection.failed(reset);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(connections).toHaveLength(1);
    put("line");
    await turn();
    expect(connections).toHaveLength(2);
  });

  it("that was lost is not listened to any more", async () => {
    const { connection, told, latest } = await sending(true, "a", "b");
    const { done } = connection.writing!;
    connection.failed(reset);
    await vi.advanceTimersByTimeAsync(100);
    latest()!.ready();
    done();
    expect(latest()!.writing!.text).toBe("a\n");
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a\n", "b\n"]);
    expect(told.lost).toBe(0);
  });
});

describe("what is lost", () => {
  it("of a stream is what was being written, never sent twice", async () => {
    const { connection, told, latest } = await sending(false, "a", "b", "c");
    settle(connection);
    await vi.advanceTimersByTimeAsync(1000);
    connection.failed(reset);
    await vi.advanceTimersByTimeAsync(100);
    latest()!.ready();
    while (settle(latest()!));
    expect([connection.written, latest()!.written]).toEqual([["a\n"], ["c\n"]]);
    expect(told.lost).toBe(1);
  });

  it("of a stream that breaks within its first second is all that went over it", async () => {
    const { connection, told } = await sending(false, "a", "b", "c");
    settle(connection);
    settle(connection);
    await vi.advanceTimersByTimeAsync(999);
    connection.failed(reset);
    expect(told.lost).toBe(3);
  });

  it("of datagrams is the one before when the kernel says that nobody listens, with all its lines", async () => {
    const { link, latest } = fakeLink(true);
    const { put, told } = senderTo({ link, packetBytes: 4 });
    for (const line of ["a", "b", "c", "d", "e", "f"]) put(line);
    await turn();
    latest()!.ready();
    settle(latest()!);
    settle(latest()!);
    latest()!.failed(refused);
    expect(told.lost).toBe(2);
    await vi.advanceTimersByTimeAsync(100);
    latest()!.ready();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["e\nf\n"]);
    expect(told.lost).toBe(2);
  });

  it("of datagrams is none that was being written, which goes again before the others", async () => {
    const { connection, put, told, latest } = await sending(true, "a");
    connection.failed(reset);
    put("b");
    put("c");
    await vi.advanceTimersByTimeAsync(100);
    latest()!.ready();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["a\n", "b\n", "c\n"]);
    expect(told.lost).toBe(0);
  });

  it("of datagrams is one that is too long for the kernel, and no other", async () => {
    const { connection, told, latest } = await sending(true, "too long", "b");
    settle(connection, Object.assign(new Error("too long"), { code: "EMSGSIZE" }));
    await vi.advanceTimersByTimeAsync(100);
    latest()!.ready();
    while (settle(latest()!));
    expect(latest()!.written).toEqual(["b\n"]);
    expect(told.lost).toBe(1);
  });

  it.each([false, true])(
    "and what went make up all that was taken, whatever happens (datagrams: %s)",
    async (datagrams) => {
      type Step = readonly ["send" | "written" | "refused" | "reset" | "wait", number];
      const step = fc.oneof(
        fc.tuple(fc.constant("send" as const), fc.integer({ min: 1, max: 5 })),
        fc.tuple(fc.constantFrom("written" as const, "refused" as const, "reset" as const), fc.constant(1)),
        fc.tuple(fc.constant("wait" as const), fc.constantFrom(0, 100, 6000)),
      );
      const run = async (steps: readonly Step[]): Promise<void> => {
        const { link, connections, latest } = fakeLink(datagrams);
        const { sender, told, put } = senderTo({ link, packetBytes: 9, maxQueueBytes: 60 });
        const opened = new Map<FakeConnection, number>();
        let taken = 0;
        for (const [what, times] of steps) {
          const connection = latest();
          if (connection?.state === "open" && !opened.has(connection)) {
            opened.set(connection, performance.now());
            connection.ready();
          }
          if (what === "send") for (let n = 0; n < times; n++) taken += put(`${taken}`) ? 1 : 0;
          else if (what === "wait") await vi.advanceTimersByTimeAsync(times);
          else if (connection?.state !== "open") continue;
          else if (what === "written") settle(connection);
          else {
            connection.failed(what === "refused" ? refused : reset);
            // What the daemon has not got after all.
            if (!datagrams && performance.now() - opened.get(connection)! < 1000) connection.written.length = 0;
            if (datagrams && what === "refused") connection.written.pop();
          }
        }
        const closed = sender.close();
        await vi.advanceTimersByTimeAsync(1000);
        await closed;
        const got = connections.flatMap(({ written }) => written.join("").split("\n").filter(Boolean).map(Number));
        expect(got).toEqual(got.toSorted((one, other) => one - other));
        expect(new Set(got).size).toBe(got.length);
        expect(got.length + told.lost).toBe(taken);
        expect(vi.getTimerCount()).toBe(0);
      };
      await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), run), { numRuns: 200 });
    },
  );
});

describe("close", () => {
  it("sends what is left and ends the connection; it may be called again, and nothing is taken any more", async () => {
    const { sender, told, connection, put } = await sending(false, "a");
    put("b");
    const closed = sender.close();
    expect(put("c")).toBe(false);
    while (settle(connection));
    await Promise.all([closed, sender.close()]);
    await turn();
    expect([connection.written, connection.state]).toEqual([["a\n", "b\n"], "destroyed"]);
    expect(told).toEqual({ errors: [], full: [], lost: 0, left: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tries again until its time is up, then says what is left", async () => {
    const { link, connections, latest } = fakeLink(true);
    const { sender, told } = senderTo({ link, packetBytes: 0, closeTimeoutMs: 1000 });
    for (const line of ["a", "b", "c"]) sender.send(line);
    const closed = sender.close();
    latest()!.failed(refused);
    await vi.advanceTimersByTimeAsync(100);
    latest()!.ready();
    settle(latest()!);
    await vi.advanceTimersByTimeAsync(900);
    await closed;
    sender.flush();
    await turn();
    expect(connections.map(({ written, state }) => [written, state])).toEqual([
      [[], "destroyed"],
      [["a\n"], "destroyed"],
    ]);
    expect(told).toEqual({ errors: [refused], full: [], lost: 2, left: 2 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not wait for the next attempt of a connection that was lost before", async () => {
    const { sender, connection, connections, latest, told } = await sending(true, "a");
    connection.failed(reset);
    const closed = sender.close();
    expect(connections).toHaveLength(2);
    latest()!.ready();
    settle(latest()!);
    await closed;
    expect(told.lost).toBe(0);
  });

  it("has nothing to do where nothing was sent", async () => {
    const { link, connections } = fakeLink(true);
    const { sender, told } = senderTo({ link });
    await sender.close();
    sender.flush();
    await turn();
    expect([connections, told.left]).toEqual([[], 0]);
  });
});

describe("lineSender", () => {
  it.each<[string, object, string]>([
    ["link", { link: undefined }, "test: link must be what linkTo makes, got undefined"],
    ["frame", { frame: "\n" }, "test: frame must be a function, got string"],
    ["packetBytes", { packetBytes: 65_508 }, "test: packetBytes must be an integer from 0 to 65507, got 65508"],
    ["maxQueueBytes", { maxQueueBytes: 0 }, "test: maxQueueBytes must be an integer from 1 to 2^30, got 0"],
    ["closeTimeoutMs", { closeTimeoutMs: -1 }, "test: closeTimeoutMs must be an integer from 0 to 2147483647, got -1"],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => lineSender("test", { link: linkTo("test", { port: 1 }), frame: newline, ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
