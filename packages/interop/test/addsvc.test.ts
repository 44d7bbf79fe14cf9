import { credentials } from "@grpc/grpc-js";
import { background } from "@kit/endpoint";
import { type Server, startServer, whenInstalled } from "@kit/servers";
import { connectGrpc } from "@kit/transport-grpc";
import { connectHttp } from "@kit/transport-http";
import { connectJsonrpc } from "@kit/transport-jsonrpc";
import { connectThrift } from "@kit/transport-thrift";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { addcli, addsvc } from "./go-addsvc.ts";
import { Add, GrpcAdd, serveAdd } from "./own-addsvc.ts";
import type { Served } from "./serving.ts";
import { Add as ThriftAdd } from "./thrift-contract.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

whenInstalled(addsvc, () => {
  describe("go-kit's addcli calls a service of ours", () => {
    // It prints the same of go-kit's own addsvc, but for JSON-RPC, where that tells it nothing of the error.
    const told = { ok: false, said: "error: result exceeds maximum size\n" };
    const status = { ok: false, said: "error: 400 Bad Request\n" };
    const nothing = { ok: true, said: '"123456" + "789012" = ""\n' };

    describe.each([
      { wire: "http", flags: [], failure: status },
      { wire: "jsonrpc", flags: [], failure: told },
      { wire: "grpc", flags: [], failure: told },
      { wire: "thrift", flags: [], failure: nothing },
      { wire: "thrift", flags: ["-thrift-protocol", "compact", "-thrift-framed"], failure: nothing },
      { wire: "thrift", flags: ["-thrift-protocol", "json", "-thrift-buffer", "512"], failure: nothing },
    ] as const)("over $wire $flags", ({ wire, flags, failure }) => {
      let served: Served;
      beforeAll(async () => {
        served = await serveAdd[wire]();
      });
      afterAll(() => served?.[Symbol.asyncDispose]());

      const run = (method: string, a: string, b: string) =>
        addcli(`-${wire}-addr`, served.address.replace("http://", ""), ...flags, "-method", method, a, b);

      it("and adds", async () => {
        expect(await run("sum", "1", "2")).toEqual({ ok: true, said: "1 + 2 = 3\n" });
      });

      it("and joins", async () => {
        expect(await run("concat", "1", "2")).toEqual({ ok: true, said: '"1" + "2" = "12"\n' });
      });

      it("and says of a business error what it says of go-kit's", async () => {
        expect(await run("concat", "123456", "789012")).toEqual(failure);
      });
    });
  });

  describe("go-kit's addsvc is called by us", () => {
    let server: Server;
    // Of its own for each test, since it takes one sum a second.
    beforeEach(async () => {
      server = await startServer(addsvc);
    });
    afterEach(() => server?.[Symbol.asyncDispose]());
    const at = (n: number): string => `127.0.0.1:${server.place.ports[n]}`;

    it("over HTTP", async () => {
      await using add = connectHttp(Add, { url: `http://${at(1)}` });
      expect(await add.sum({ a: 1, b: 2 }, background)).toEqual({ v: 3 });
      expect(await add.concat({ a: "1", b: "2" }, background)).toEqual({ v: "12" });
      const tooLong = add.concat({ a: "123456", b: "789012" }, background);
      await expect(tooLong).rejects.toMatchObject({ code: "invalid_argument" });
    });

    it("over gRPC", async () => {
      await using add = connectGrpc(GrpcAdd, { address: at(2), credentials: credentials.createInsecure() });
      expect(await add.sum({ a: 1n, b: 2n }, background)).toMatchObject({ v: 3n, err: "" });
      expect(await add.concat({ a: "1", b: "2" }, background)).toMatchObject({ v: "12", err: "" });
      const tooLong = await add.concat({ a: "123456", b: "789012" }, background);
      expect(tooLong).toMatchObject({ err: "result exceeds maximum size" });
    });

    it("over Thrift", async () => {
      await using add = connectThrift(ThriftAdd, { address: at(3), framing: "buffered" });
      expect(await add.Sum({ a: 1, b: 2 }, background)).toMatchObject({ value: 3, err: "" });
      expect(await add.Concat({ a: "1", b: "2" }, background)).toMatchObject({ value: "12", err: "" });
      const tooLong = await add.Concat({ a: "123456", b: "789012" }, background);
      expect(tooLong).toMatchObject({ err: "result exceeds maximum size" });
    });

    it("over JSON-RPC, where it loses its business errors", async () => {
      await using add = connectJsonrpc(Add, { url: `http://${at(4)}` });
      expect(await add.sum({ a: 1, b: 2 }, background)).toEqual({ v: 3 });
      expect(await add.concat({ a: "1", b: "2" }, background)).toEqual({ v: "12" });
      expect(await add.concat({ a: "123456", b: "789012" }, background)).toEqual({ v: "" });
    });

    it("more often than it likes, which is an error of the call", async () => {
      await using add = connectJsonrpc(Add, { url: `http://${at(4)}` });
      const sums = await Promise.allSettled([1, 2, 3].map((a) => add.sum({ a, b: 1 }, background)));
      const refused = { status: "rejected", reason: expect.objectContaining({ message: "rate limit exceeded" }) };
      expect(sums).toContainEqual(refused);
    });
  });
});
