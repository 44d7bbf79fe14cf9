import { parseInstance } from "@kit/sd";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AddressChoice, instanceRecord, type ReadRecords, recordsReader } from "../src/record.ts";
import { application, upRecord } from "./workbench.ts";

const plain = { host: "ipAddr", secure: false } as const;

const readRecords = (text: string, choice: AddressChoice): ReadRecords => recordsReader(choice)(text);

const written = { service: "addsvc", ttlMs: 90_000, secure: false, hostName: undefined };

describe("recordsReader", () => {
  it.for([
    ["the address by IP", {}, plain, "10.0.0.1:80"],
    ["the address by name", {}, { ...plain, host: "hostName" }, "one.example:80"],
    ["the name when there is no address", { ipAddr: undefined }, plain, "one.example:80"],
    ["the address when there is no name", { hostName: "" }, { ...plain, host: "hostName" }, "10.0.0.1:80"],
    ["brackets around IPv6", { ipAddr: "fe80::1" }, plain, "[fe80::1]:80"],
    ["the secure port", { securePort: { $: 443, "@enabled": "true" } }, { ...plain, secure: true }, "10.0.0.1:443"],
    ["a port in a string", { port: { $: "8080", "@enabled": true } }, plain, "10.0.0.1:8080"],
  ] as const)("reads %s", ([, fields, choice, address]) => {
    expect(readRecords(application(upRecord(fields)), choice)).toEqual({ instances: [{ address }], problems: [] });
  });

  it.for(["DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN", "up", undefined])("leaves out what is %s", (status) => {
    const text = application(upRecord({ status }), upRecord({ ipAddr: "10.0.0.2" }));
    expect(readRecords(text, plain)).toEqual({ instances: [{ address: "10.0.0.2:80" }], problems: [] });
  });

  it.for([
    ["the port is off", { port: { $: 80, "@enabled": "false" } }, "no port"],
    ["the port is none", { port: { $: 0 } }, "no port"],
    ["the port is too large", { port: { $: 65_536 } }, "no port"],
    ["there is no port", { port: null }, "no port"],
    ["there is no host", { ipAddr: "", hostName: 7 }, "no host"],
    ["the host is a way elsewhere", { ipAddr: "a/b@c" }, "no host"],
  ] as const)("leaves out an instance when %s, and says so", ([, fields, problem]) => {
    expect(readRecords(application(upRecord(fields)), plain)).toEqual({
      instances: [],
      problems: [`"a" is ignored: ${problem}`],
    });
  });

  it.for([
    [
      { weight: "3", zone: "z" },
      { weight: 3, zone: "z" },
    ],
    [{ weight: "0.5" }, { weight: 0.5 }],
    [{ weight: "1e3" }, { weight: 1_000 }],
    [{ weight: "heavy" }, { metadata: { weight: "heavy" } }],
    [{ weight: "-1" }, { metadata: { weight: "-1" } }],
    [{ weight: "1e999" }, { metadata: { weight: "1e999" } }],
    [{ "management.port": 8081, nested: {} }, { metadata: { "management.port": "8081" } }],
    ["text", {}],
    [null, {}],
  ] as const)("reads the metadata %o", ([metadata, said]) => {
    const { instances } = readRecords(application(upRecord({ metadata })), plain);
    expect(instances).toEqual([{ address: "10.0.0.1:80", ...said }]);
  });

  it("reads a record again only when its times or its status have changed", () => {
    const read = recordsReader(plain);
    const times = { lastUpdatedTimestamp: "1", lastDirtyTimestamp: "1" };
    const [first] = read(application(upRecord(times))).instances;
    expect(read(application(upRecord(times))).instances[0]).toBe(first);
    const dirty = { ...times, lastDirtyTimestamp: "2", metadata: { version: "2" } };
    expect(read(application(upRecord(dirty))).instances).toEqual([
      { address: "10.0.0.1:80", metadata: { version: "2" } },
    ]);
    expect(read(application(upRecord({ ...dirty, status: "DOWN" }))).instances).toEqual([]);
    expect(read(application(upRecord(dirty))).instances).toHaveLength(1);
  });

  it("takes the later of two records of one address, in either order", () => {
    const old = upRecord({ instanceId: "old", lastUpdatedTimestamp: "1", metadata: { version: "1" } });
    const young = upRecord({ instanceId: "young", lastUpdatedTimestamp: "2", metadata: { version: "2" } });
    for (const list of [
      [old, young],
      [young, old],
    ]) {
      const { instances } = readRecords(application(...list), plain);
      expect(instances).toEqual([{ address: "10.0.0.1:80", metadata: { version: "2" } }]);
    }
  });

  it("reads the one instance that older servers send without an array, and none", () => {
    const one = JSON.stringify({ application: { instance: upRecord() } });
    expect(readRecords(one, plain).instances).toEqual([{ address: "10.0.0.1:80" }]);
    expect(readRecords('{"application":{"name":"A"}}', plain).instances).toEqual([]);
  });

  it.for(["", "{", "null", "[]", "1", "{}", '{"application":null}', '{"application":7}', "<application/>"])(
    "refuses %o",
    (text) => {
      expect(() => readRecords(text, plain)).toThrow(/no application|JSON/);
    },
  );

  it("throws or gives instances, whatever the server sends", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const record = fc.record(
      {
        instanceId: value,
        status: fc.constantFrom("UP", "UP", "DOWN"),
        ipAddr: fc.oneof(value, fc.ipV4(), fc.ipV6()),
        hostName: fc.oneof(value, fc.domain()),
        port: fc.oneof(value, fc.record({ $: fc.oneof(value, fc.integer()), "@enabled": value })),
        metadata: fc.oneof(value, fc.dictionary(fc.string(), value)),
        lastUpdatedTimestamp: value,
      },
      { requiredKeys: ["status"] },
    );
    const instance = fc.oneof(value, record, fc.array(fc.oneof(value, record)));
    fc.assert(
      fc.property(instance, (sent) => {
        const { instances, problems } = readRecords(JSON.stringify({ application: { instance: sent } }), plain);
        for (const each of instances) expect(parseInstance(each)).toEqual(each);
        for (const problem of problems) expect(problem.length).toBeLessThan(700);
      }),
    );
  });
});

describe("instanceRecord", () => {
  it("is read as the instance that it was made of", () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.domain(),
    );
    const instance = fc.record(
      {
        address: fc.tuple(host, fc.integer({ min: 1, max: 65_535 })).map(([name, port]) => `${name}:${port}`),
        weight: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map(Math.abs),
        zone: fc.string(),
        metadata: fc.dictionary(
          fc.string().filter((name) => !["weight", "zone", "@class"].includes(name)),
          fc.string(),
          { minKeys: 1 },
        ),
      },
      { requiredKeys: ["address"] },
    );
    fc.assert(
      fc.property(instance, fc.boolean(), (sent, secure) => {
        const { record } = instanceRecord("test", { ...written, instance: sent, secure });
        expect(readRecords(application(record), { host: "ipAddr", secure }).instances).toEqual([parseInstance(sent)]);
        expect(readRecords(application(record), { host: "ipAddr", secure: !secure }).instances).toEqual([]);
      }),
    );
  });

  it("has what Eureka and others that read it expect", () => {
    const instance = { address: "10.0.0.1:8080", weight: 2, zone: "z", metadata: { version: "1" } };
    expect(instanceRecord("test", { ...written, instance, hostName: "one.example" })).toEqual({
      id: "10.0.0.1:addsvc:8080",
      record: {
        instanceId: "10.0.0.1:addsvc:8080",
        app: "ADDSVC",
        vipAddress: "addsvc",
        secureVipAddress: "addsvc",
        hostName: "one.example",
        ipAddr: "10.0.0.1",
        status: "UP",
        port: { $: 8080, "@enabled": "true" },
        securePort: { $: 8080, "@enabled": "false" },
        dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
        leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
        metadata: { version: "1", weight: "2", zone: "z" },
      },
    });
  });

  it.for([
    [1_000, { renewalIntervalInSecs: 1, durationInSecs: 1 }],
    [1_001, { renewalIntervalInSecs: 1, durationInSecs: 2 }],
    [30_000, { renewalIntervalInSecs: 10, durationInSecs: 30 }],
  ] as const)("counts a lease of %i ms in whole seconds", ([ttlMs, leaseInfo]) => {
    const instance = { address: "a:1" };
    expect(instanceRecord("test", { ...written, instance, ttlMs }).record).toMatchObject({ leaseInfo });
  });

  it.for(["a", "a:", ":1", "a:0", "a:65536", "a:b", "http://a:1", "a/b:1", "[a]:1", "::1:80", "a b:1"])(
    "refuses the address %o",
    (address) => {
      expect(() => instanceRecord("test", { ...written, instance: { address } })).toThrow(
        "test: instance.address must be host:port or [IPv6]:port",
      );
    },
  );

  it.for(["weight", "zone", "@class"])("refuses metadata that have a %s", (name) => {
    const instance = { address: "a:1", metadata: { [name]: "1" } };
    expect(() => instanceRecord("test", { ...written, instance })).toThrow(
      `test: instance.metadata must not have ${name}`,
    );
  });
});
