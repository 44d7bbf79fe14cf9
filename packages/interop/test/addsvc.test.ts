import { type Server, startServer, whenInstalled } from "@kit/servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ours, theirs, wires } from "./addsvc.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** Where a service is called on one wire, as flags of either addcli. */
const at = ({ place }: Server, wire: (typeof wires)[number]): string[] => [
  `-${wire}-addr`,
  `127.0.0.1:${place.ports[1 + wires.indexOf(wire)]}`,
];

const adds = { ok: true, said: "1 + 2 = 3\n" };
const joins = { ok: true, said: '"1" + "2" = "12"\n' };

/** What either prints of a business error, by how much of it there is on the wire. */
const text = { ok: false, said: "error: result exceeds maximum size\n" };
const nothing = { ok: true, said: '"123456" + "789012" = ""\n' };

whenInstalled(theirs.service, () => {
  whenInstalled(ours.service, () => {
    describe("go-kit's addcli calls our addsvc", () => {
      let server: Server;
      beforeAll(async () => {
        server = await startServer(ours.service);
      });
      afterAll(() => server?.[Symbol.asyncDispose]());

      it.each([
        { wire: "http", flags: [], failure: { ok: false, said: "error: 400 Bad Request\n" } },
        { wire: "jsonrpc", flags: [], failure: text },
        { wire: "grpc", flags: [], failure: text },
        // Whoever serves, it does not look at this field of Thrift's replies.
        { wire: "thrift", flags: [], failure: nothing },
        { wire: "thrift", flags: ["-thrift-protocol", "compact", "-thrift-framed"], failure: nothing },
        { wire: "thrift", flags: ["-thrift-protocol", "json", "-thrift-buffer", "512"], failure: nothing },
      ] as const)("over $wire $flags", async ({ wire, flags, failure }) => {
        const to = [...at(server, wire), ...flags];
        expect(await theirs.addcli([...to, "-method", "sum", "1", "2"])).toEqual(adds);
        expect(await theirs.addcli([...to, "-method", "concat", "1", "2"])).toEqual(joins);
        expect(await theirs.addcli([...to, "-method", "concat", "123456", "789012"])).toEqual(failure);
      });
    });

    describe("our addcli calls go-kit's addsvc", () => {
      let server: Server;
      // Of its own for each test, since it takes one sum a second.
      beforeEach(async () => {
        server = await startServer(theirs.service);
      });
      afterEach(() => server?.[Symbol.asyncDispose]());

      it.each([
        { wire: "http", failure: { ok: false, said: "error: http status 400\n" } },
        // Whoever calls, it loses its business errors here.
        { wire: "jsonrpc", failure: nothing },
        { wire: "grpc", failure: text },
        { wire: "thrift", failure: text },
      ] as const)("over $wire", async ({ wire, failure }) => {
        const to = at(server, wire);
        expect(await ours.addcli([...to, "-method", "sum", "1", "2"])).toEqual(adds);
        expect(await ours.addcli([...to, "-method", "concat", "1", "2"])).toEqual(joins);
        expect(await ours.addcli([...to, "-method", "concat", "123456", "789012"])).toEqual(failure);
      });
    });
  });
});
