import { createSocket } from "node:dgram";
import dns from "node:dns";
import { once } from "node:events";
import { KitError } from "@kit/endpoint";
import { eventually, Heard } from "@kit/servers";
import { Packet } from "dns2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { dnssrvInstancer, type DnssrvInstancerOptions } from "../src/index.ts";
import { type FakeDns, fakeDns, framed, reply, type Reply } from "./workbench.ts";

const { CNAME, NS, SOA, TXT } = Packet.TYPE;

let fake: FakeDns;
let opened: AsyncDisposable[];

beforeEach(async () => {
  fake = await fakeDns((query) => [reply(query, { answers: [{}] })]);
  opened = [fake];
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

/** With a time limit that a fake keeps, however busy the machine is. */
function watching(options: Partial<DnssrvInstancerOptions> = {}): Heard {
  const patient = { name: "_a._tcp.x", servers: [fake.address], refreshMs: 10, timeoutMs: 30_000 };
  const instancer = dnssrvInstancer({ ...patient, ...options });
  opened.push(instancer);
  return new Heard(instancer);
}

/** From now on every answer is this one. */
function answering(answer: Reply, transport?: "udp" | "tcp"): void {
  fake.answer = (query, over) => {
    const bytes = reply(query, over === transport || transport === undefined ? answer : { header: { tc: 1 } });
    return [over === "tcp" ? framed(bytes) : bytes];
  };
}

/** Where nothing listens. */
async function closedPort(): Promise<string> {
  const gone = await fakeDns(() => []);
  await gone[Symbol.asyncDispose]();
  return gone.address;
}

describe("dnssrvInstancer", () => {
  it("looks up at once and again after the interval: none, then three (go-kit TestRefresh)", async () => {
    fake.answer = (query) => [
      reply(query, { answers: fake.asked.length === 1 ? [] : [{}, { port: 81 }, { target: "two.example" }] }),
    ];
    const heard = watching({ refreshMs: 50 });
    await heard.until();
    await heard.until("one.example:80", "one.example:81", "two.example:80");
    expect([heard.events.length, fake.asked]).toEqual([2, ["_a._tcp.x", "_a._tcp.x"]]);
  });

  it("refuses a list with a port 0, and keeps the last (go-kit TestIssue892)", async () => {
    const heard = watching();
    await heard.until("one.example:80");
    answering({ answers: [{}, { port: 0 }, { port: 82 }] });
    await heard.until("unavailable");
    expect(heard.errors[0]!.message).toBe("DNS answered with an SRV record with port 0");
    answering({ answers: [{ port: 82 }] });
    await heard.until("one.example:82");
    expect(heard.events).toHaveLength(3);
  });

  it.for([
    ["the name does not exist", { header: { rcode: 3 } }],
    ["the name has no such records", {}],
    ["the name has other records", { answers: [{ type: TXT, data: "x" }] }],
    ["there are records of other names alone", { answers: [{ name: "_b._tcp.x" }] }],
    ["the service is said not to be available", { answers: [{ target: ".", port: 0 }] }],
  ] as const)("tells an empty list when %s", async ([, answer]) => {
    const heard = watching();
    await heard.until("one.example:80");
    answering(answer);
    await heard.until();
    expect(heard.errors).toEqual([]);
  });

  it.for([
    [1, "unavailable", "DNS answered error 1"],
    [2, "unavailable", "DNS answered SERVFAIL"],
    [4, "unavailable", "DNS answered error 4"],
    [5, "permission_denied", "DNS answered REFUSED"],
  ] as const)("keeps the list when the answer is error %i, and tells %s", async ([rcode, code, message]) => {
    const heard = watching();
    await heard.until("one.example:80");
    answering({ header: { rcode } });
    await heard.until(code);
    expect(heard.errors[0]!.message).toBe(message);
    answering({ answers: [{}] });
    await heard.until("one.example:80");
  });

  it("takes no referral for an empty list", async () => {
    const heard = watching();
    await heard.until("one.example:80");
    answering({ authorities: [{ name: "x", type: NS, ns: "ns.x" }] });
    await heard.until("unavailable");
    expect(heard.errors[0]!.message).toMatch("DNS answered with other servers to ask");
  });

  it("tells those of the lowest priority, and the next when there are no others", async () => {
    const fallback = [
      { priority: 20, target: "c" },
      { priority: 20, target: "d" },
    ];
    answering({ answers: [fallback[0]!, { priority: 10, target: "a" }, fallback[1]!, { priority: 10, target: "b" }] });
    const heard = watching();
    await heard.until("a:80", "b:80");
    answering({ answers: fallback });
    await heard.until("c:80", "d:80");
    expect(heard.events).toHaveLength(2);
  });

  it.for([
    ["as they are", [10, 30], [10, 30]],
    ["left out where all are 0", [0, 0], [undefined, undefined]],
    ["one draw for the zeros among others, as RFC 2782 has it", [0, 5, 0], [0.5, 5, 0.5]],
    ["left out where they say 1", [1, 7], [undefined, 7]],
  ] as const)("tells weights %s", async ([, weights, told]) => {
    answering({ answers: weights.map((weight, n) => ({ weight, target: `h${n}` })) });
    const heard = watching();
    await eventually(() => heard.events.length > 0);
    expect(heard.weights).toEqual(told);
  });

  it("adds up the records of one address, whatever their order", async () => {
    fake.answer = (query) => [
      reply(query, {
        answers: fake.asked.length % 2 ? [{ weight: 3 }, { weight: 4 }] : [{ weight: 4 }, { weight: 3 }],
      }),
    ];
    const heard = watching();
    await eventually(() => fake.asked.length > 5);
    expect([heard.events, heard.weights]).toEqual([[["one.example:80"]], [7]]);
  });

  it("asks and reads without regard to capitals and a trailing dot", async () => {
    answering({ answers: [{ name: "_A._TCP.X", target: "One.Example." }] });
    const heard = watching({ name: "_A._Tcp.X." });
    await heard.until("one.example:80");
    expect(fake.asked[0]).toBe("_a._tcp.x");
  });

  it.for(["a/b", "a b", "user@host", "a:1", "a#b", "ä"])("refuses the target %j", async (target) => {
    answering({ answers: [{}, { target }] });
    const heard = watching();
    await heard.until("unavailable");
    expect(heard.errors[0]!.message).toBe("DNS answered with an SRV record with a target that is no host name");
  });

  it("follows aliases, within an answer and from one to the next", async () => {
    fake.answer = (query) => {
      const { name } = query.questions[0]!;
      const alias = (from: string, to: string): object => ({ name: from, type: CNAME, domain: to });
      return [
        reply(query, {
          answers: name === "_a._tcp.x" ? [alias(name, "B.x"), alias("b.X", "c.x")] : [{}],
        }),
      ];
    };
    await watching().until("one.example:80");
    expect(fake.asked.slice(0, 2)).toEqual(["_a._tcp.x", "c.x"]);
  });

  it.for([
    ["in one answer", (name: string) => name],
    ["over many", (name: string) => `${name.length}.x`],
  ] as const)("gives up on aliases in a circle, %s", async ([, next]) => {
    fake.answer = (query) => {
      const { name } = query.questions[0]!;
      return [reply(query, { answers: [{ name, type: CNAME, domain: next(name) }] })];
    };
    const heard = watching();
    await heard.until("unavailable");
    expect(heard.errors[0]!.message).toBe("more than 8 aliases lead on from the name");
    expect(fake.asked.length).toBeLessThan(30);
  });

  it.for([
    ["the TTL", { minTtlMs: 1 }, { ttl: 1 }, 1_000, 1_100],
    ["minTtlMs where the TTL is shorter", { minTtlMs: 200 }, { ttl: 0 }, 200, 220],
    ["maxTtlMs where the TTL is longer", { minTtlMs: 1, maxTtlMs: 200 }, { ttl: 2 ** 31 - 1 }, 200, 220],
    ["refreshMs whatever the TTL", { refreshMs: 200 }, { ttl: 3 }, 200, 220],
  ] as const)("waits %s, and up to a tenth more by chance", async ([, options, record, lowest, highest]) => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0);
    const gaps: number[] = [];
    let before = NaN;
    fake.answer = (query) => {
      const now = performance.now();
      if (before > 0) gaps.push(now - before);
      before = now;
      return [reply(query, { answers: [record] })];
    };
    const name = "_a._tcp.x";
    const instancer = dnssrvInstancer({ name, servers: [fake.address], timeoutMs: 30_000, ...options });
    opened.push(instancer);
    // A busy machine makes waits longer, never shorter.
    await eventually(() => gaps.length >= 2 && Math.min(...gaps) < highest);
    expect(Math.min(...gaps)).toBeGreaterThan(lowest - 2);
    random.mockReturnValue(0.999);
    const from = gaps.length + 1;
    await eventually(() => gaps.length >= from + 2);
    expect(Math.min(...gaps.slice(from))).toBeGreaterThan(highest - 3);
  });

  it("asks for what is absent as often as the zone's SOA says", async () => {
    const times: number[] = [];
    fake.answer = (query) => {
      times.push(performance.now());
      const soa = { name: "x", type: SOA, primary: "ns.x", admin: "h.x", serial: 1, refresh: 1, retry: 1 };
      return [reply(query, { header: { rcode: 3 }, authorities: [{ ...soa, expiration: 1, minimum: 1, ttl: 60 }] })];
    };
    opened.push(dnssrvInstancer({ name: "_a._tcp.x", servers: [fake.address], minTtlMs: 1, timeoutMs: 30_000 }));
    await eventually(() => times.length === 3);
    expect(times[2]! - times[0]!).toBeGreaterThan(1_990);
  });

  it("uses the system's servers by default, as they are at each look", async () => {
    const before = dns.getServers();
    try {
      dns.setServers([await closedPort()]);
      const instancer = dnssrvInstancer({ name: "_a._tcp.x", refreshMs: 10 });
      opened.push(instancer);
      const heard = new Heard(instancer);
      await heard.until("unavailable");
      dns.setServers([fake.address]);
      await heard.until("one.example:80");
      expect(heard.errors).toHaveLength(1);
    } finally {
      dns.setServers(before);
    }
  });
});

describe("a query", () => {
  it.for([
    [
      "an answer to another id",
      (query: Packet) => reply(query, { header: { id: query.header.id ^ 1 }, answers: [{ port: 1 }] }),
    ],
    ["a question", (query: Packet) => reply(query, { header: { qr: 0 }, answers: [{ port: 1 }] })],
    ["another operation", (query: Packet) => reply(query, { header: { opcode: 5 }, answers: [{ port: 1 }] })],
    ["an answer without a question", (query: Packet) => reply(query, { questions: [], answers: [] })],
    ["an answer to another name", (query: Packet) => otherQuestion(query, { name: "_b._tcp.x" })],
    ["an answer to another type", (query: Packet) => otherQuestion(query, { type: TXT })],
    ["an answer to another class", (query: Packet) => otherQuestion(query, { class: 3 })],
    ["half an answer", (query: Packet) => reply(query, { answers: [{ port: 1 }, { port: 2 }] }).subarray(0, -3)],
    ["nothing", () => Buffer.alloc(0)],
    ["counts of what is not there", (query: Packet) => Buffer.concat([idOf(query), Buffer.alloc(10, 0xff)])],
    [
      "names in a circle",
      (query: Packet) => Buffer.concat([idOf(query), Buffer.from("81800001000000000000c00c00210001", "hex")]),
    ],
  ] as const)("takes no notice of %s", async ([, forged]) => {
    fake.answer = (query) => [forged(query), reply(query, { answers: [{}] })];
    const heard = watching();
    await eventually(() => fake.asked.length > 5);
    expect(heard.events).toEqual([["one.example:80"]]);
  });

  it("takes no notice of who was not asked", async () => {
    const stranger = createSocket("udp4");
    stranger.bind(0, "127.0.0.1");
    await once(stranger, "listening");
    const udp = createSocket("udp4");
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    udp.on("message", (bytes, { port, address }) => {
      const query = Packet.parse(bytes);
      stranger.send(reply(query, { answers: [{ port: 1 }] }), port, address, () => {
        udp.send(reply(query, { answers: [{}] }), port, address);
      });
    });
    const heard = watching({ servers: [`127.0.0.1:${udp.address().port}`] });
    await heard.until("one.example:80");
    expect(heard.events).toHaveLength(1);
    udp.close();
    stranger.close();
  });

  it("survives lost packets without a word", async () => {
    fake.answer = (query) => (fake.asked.length % 3 ? [] : [reply(query, { answers: [{}] })]);
    const heard = watching({ timeoutMs: 8_000 });
    await eventually(() => fake.asked.length > 5);
    expect(heard.events).toEqual([["one.example:80"]]);
  });

  it.for([
    ["silence", () => []],
    ["garbage alone", () => [Buffer.from("no DNS at all, but long enough to be some")]],
  ] as const)("ends after timeoutMs when there is %s", async ([, answer]) => {
    const heard = watching();
    await heard.until("one.example:80");
    fake.answer = answer;
    const late = watching({ timeoutMs: 200 });
    await late.until("deadline_exceeded");
    expect(late.errors[0]!.message).toBe("no DNS server answered within 200 ms");
  });

  it("is made over TCP when the answer over UDP was cut, however it was", async () => {
    const answers = Array.from({ length: 200 }, (_, n) => ({ port: 1_000 + n }));
    let whole: Buffer | undefined;
    fake.answer = (query, transport) => {
      // The driver takes long to write it.
      whole ??= reply(query, { answers });
      whole.writeUInt16BE(query.header.id);
      if (transport === "tcp") return [framed(whole)];
      const cut = Buffer.from(whole.subarray(0, 501));
      cut[2]! |= 2;
      return [cut];
    };
    const heard = watching();
    await heard.until(...Array.from({ length: 200 }, (_, n) => `one.example:${1_000 + n}`));
    expect(fake.asked.slice(0, 2)).toEqual(["_a._tcp.x", "_a._tcp.x tcp"]);
  });

  it.for([
    ["silence", "deadline_exceeded", () => []],
    [
      "half an answer",
      "deadline_exceeded",
      (query: Packet) => [framed(reply(query, { answers: [{}] })).subarray(0, -5)],
    ],
    ["a cut answer", "unavailable", (query: Packet) => [framed(reply(query, { header: { tc: 1 } }))]],
    ["another id", "unavailable", (query: Packet) => [framed(reply(query, { header: { id: query.header.id ^ 1 } }))]],
    ["no message", "unavailable", () => [framed(Buffer.alloc(0))]],
    ["garbage", "unavailable", () => [Buffer.alloc(200_000, 0x55)]],
  ] as const)("keeps the list when there is %s over TCP, and tells %s", async ([, code, answer]) => {
    const heard = watching({ timeoutMs: 2_000 });
    await heard.until("one.example:80");
    fake.answer = (query, over) =>
      over === "tcp" ? answer(query) : [reply(query, { header: { tc: 1 }, answers: [] })];
    await heard.until(code);
    expect(heard.events).toEqual([["one.example:80"], code]);
    answering({ answers: [{ port: 81 }] }, "tcp");
    await heard.until("one.example:81");
  });

  it("goes to the next server when one is down, silent or fails, and stays with it", async () => {
    await using failing = await fakeDns((query) => [reply(query, { header: { rcode: 2 } })]);
    await using silent = await fakeDns(() => []);
    const servers = [await closedPort(), failing.address, silent.address, fake.address];
    const heard = watching({ servers, timeoutMs: 1_000 });
    await eventually(() => fake.asked.length > 5);
    expect(heard.events).toEqual([["one.example:80"]]);
    expect([failing.asked.length, silent.asked.length <= 4]).toEqual([1, true]);
  });

  it("tells an error when no server answers, and none of their addresses", async () => {
    const servers = [await closedPort(), await closedPort()];
    const heard = watching({ servers });
    await heard.until("unavailable");
    expect(heard.errors[0]).toBeInstanceOf(KitError);
    expect(heard.errors[0]!.message).toBe("service discovery is unavailable");
    expect(String(heard.errors[0]!.cause)).toContain("ECONNREFUSED");
  });

  it("can be called off at any point", async () => {
    const points: ((instancer: AsyncDisposable) => Promise<void> | void)[] = [
      () => {},
      () => new Promise((resolve) => void setImmediate(resolve)),
      async () => void (await eventually(() => fake.asked.includes("_a._tcp.x"))),
      async () => void (await eventually(() => fake.asked.includes("_a._tcp.x tcp"))),
    ];
    for (const point of points) {
      fake.asked.length = 0;
      fake.answer = (query, over) => (over === "tcp" ? [] : [reply(query, { header: { tc: 1 } })]);
      const instancer = dnssrvInstancer({ name: "_a._tcp.x", servers: [fake.address], timeoutMs: 600_000 });
      const { events } = new Heard(instancer);
      await point(instancer);
      await instancer.close();
      expect(events).toEqual([]);
    }
  });
});

it.for([
  [{ name: "" }, "name"],
  [{ name: 5 }, "name"],
  [{ name: "a..b" }, "name"],
  [{ name: "a b" }, "name"],
  [{ name: "ä.example" }, "name"],
  [{ name: "x".repeat(64) }, "name"],
  [{ name: Array.from({ length: 128 }, () => "x").join(".") }, "name"],
  [{ servers: [] }, "servers"],
  [{ servers: "127.0.0.1" }, "servers"],
  [{ servers: "" }, "servers"],
  [{ servers: null }, "servers"],
  [{ servers: ["127.0.0.1", "localhost"] }, "servers[1]"],
  [{ servers: ["127.0.0.1:0"] }, "servers[0]"],
  [{ servers: ["127.0.0.1:65536"] }, "servers[0]"],
  [{ servers: ["::1:53:"] }, "servers[0]"],
  [{ servers: ["[127.0.0.1]:53"] }, "servers[0]"],
  [{ servers: [null] }, "servers[0]"],
  [{ minTtlMs: 0 }, "minTtlMs"],
  [{ minTtlMs: 2_000, maxTtlMs: 1_000 }, "maxTtlMs"],
  [{ maxTtlMs: Infinity }, "maxTtlMs"],
  [{ refreshMs: "1000" }, "refreshMs"],
  [{ refreshMs: NaN }, "refreshMs"],
  [{ timeoutMs: 0 }, "timeoutMs"],
] as const)("refuses the options %j", ([wrong, option]) => {
  const options = { name: "_a._tcp.x", servers: ["127.0.0.1:1"], ...wrong } as unknown as DnssrvInstancerOptions;
  expect(() => dnssrvInstancer(options)).toThrow(TypeError);
  expect(() => dnssrvInstancer(options)).toThrow(`dnssrvInstancer: ${option} must be `);
});

function otherQuestion(query: Packet, fields: object): Buffer {
  return reply(query, {
    questions: [Object.assign(new Packet.Question({}), query.questions[0], fields)],
    answers: [{ port: 1 }],
  });
}

function idOf(query: Packet): Buffer {
  const id = Buffer.alloc(2);
  id.writeUInt16BE(query.header.id);
  return id;
}
