import { background, type Context, contextKey, type Endpoint, KitError } from "@kit/endpoint";
import { type Server, startServer } from "@kit/servers";
import type { HeaderReader } from "@kit/transport";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callByGo, gokit } from "./gokit.ts";
import type { Served } from "./serving.ts";

/** One transport, an endpoint at a time. */
export interface EndpointWire {
  readonly transport: string;
  /** Flags for Go's server and for its client. @default none */
  readonly serverFlags?: () => readonly string[];
  readonly clientFlags?: readonly string[];
  /** An operation of that server. */
  readonly client: (operation: "sum" | "fail", server: Server) => Endpoint & AsyncDisposable;
  /** Serves one operation, with this hook; errors are told as go-kit tells them. */
  readonly handle: (
    operation: "sum" | "fail",
    endpoint: Endpoint,
    before: (ctx: Context, message: HeaderReader) => Context,
  ) => Promise<Served>;
}

const hooked = contextKey<string>("@test/hooked");

/** go-kit's steps in our hands: the forms with one endpoint, both ways. */
export function interoperatesByEndpoint(wire: EndpointWire): void {
  const { transport, serverFlags, clientFlags = [], client, handle } = wire;

  describe("one endpoint of go-kit's", () => {
    let server: Server;
    beforeAll(async () => {
      server = await startServer(gokit(serverFlags));
    });
    afterAll(() => server?.[Symbol.asyncDispose]());

    it("is called by us", async () => {
      await using sum = client("sum", server);
      expect(await sum({ a: 1, b: 2 }, background)).toMatchObject({ v: 3 });
    });

    it("fails, and we know its text", async () => {
      await using fail = client("fail", server);
      await expect(fail({ coded: false }, background)).rejects.toThrow("out of order");
    });
  });

  describe("one endpoint of ours", () => {
    const calledByGo = async (operation: "sum" | "fail", request: object, endpoint: Endpoint) => {
      await using served = await handle(operation, endpoint, (ctx) => ctx.with(hooked, "by a hook"));
      return await callByGo({ transport, address: served.address, operation, request, flags: clientFlags });
    };

    it("is called by go-kit", async () => {
      const endpoint: Endpoint = async ({ a, b }, ctx) => ({ v: a + b, err: ctx.get(hooked) });
      const { response } = await calledByGo("sum", { a: 1, b: 2 }, endpoint);
      expect(response).toEqual({ v: 3, err: "by a hook" });
    });

    it("fails, and go-kit knows its text", async () => {
      const endpoint: Endpoint = () => Promise.reject(new KitError("aborted", "out of order"));
      const { error } = await calledByGo("fail", { coded: false }, endpoint);
      expect(error?.text).toMatch(/out of order$/);
    });
  });
}
