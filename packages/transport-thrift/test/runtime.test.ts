// The runtime's own server and client at the other end.
import { background } from "@kit/endpoint";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connectThrift, serveThrift } from "../src/index.ts";
import { Add } from "./add.ts";
import { AddModule } from "./generated.ts";
import { serving } from "./serving.ts";

// Its types are of another version than it is.
const thrift: any = createRequire(import.meta.url)("thrift");
const protocols = { binary: thrift.TBinaryProtocol, compact: thrift.TCompactProtocol, json: thrift.TJSONProtocol };
const transports = { framed: thrift.TFramedTransport, buffered: thrift.TBufferedTransport };

const forms = (["binary", "compact", "json"] as const).flatMap((protocol) =>
  (["framed", "buffered"] as const).map((framing) => ({
    protocol,
    framing,
    options: { protocol: protocols[protocol], transport: transports[framing] },
  })),
);

// It warns of each call that begins before another has ended.
beforeAll(() => thrift.setLogFunc(() => {}));

describe.each(forms)("over $protocol, $framing, the runtime's own", ({ protocol, framing, options }) => {
  it("client calls ours", async () => {
    const handler = serveThrift(Add, {
      async Sum({ a, b }) {
        if (a === 13) throw new Error("swordfish");
        return { value: a + b, err: "" };
      },
      Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
    });
    const { port } = await serving(handler);
    const connection = thrift.createConnection("127.0.0.1", port, options);
    onTestFinished(() => connection.destroy());
    const client = thrift.createClient(AddModule, connection);
    const sums = await Promise.all(Array.from({ length: 100 }, (_, n) => client.Sum(n * 20, 1)));
    expect(sums.map(({ value }: any) => value.toNumber())).toEqual(sums.map((_, n) => n * 20 + 1));
    const long = "€".repeat(100_000);
    expect((await client.Concat(long, "!")).value).toBe(`${long}!`);
    await expect(client.Sum(13, 1)).rejects.toMatchObject({
      name: "TApplicationException",
      message: "unknown: internal error",
    });
  });

  it("server answers ours", async () => {
    const handler = {
      Sum: async (a: any, b: any) => {
        if (a.toNumber() === 13) throw new Error("unlucky");
        return { value: a.toNumber() + b.toNumber(), err: "" };
      },
      Concat: async (a: string, b: string) => ({ value: a + b, err: "" }),
    };
    const server = thrift.createServer(AddModule, handler, options).listen(0, "127.0.0.1");
    onTestFinished(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using client = connectThrift(Add, { address: `127.0.0.1:${port}`, protocol, framing });
    const sums = await Promise.all(Array.from({ length: 100 }, (_, n) => client.Sum({ a: n * 20, b: 1 }, background)));
    expect(sums.map(({ value }) => value)).toEqual(sums.map((_, n) => n * 20 + 1));
    const long = "€".repeat(100_000);
    expect((await client.Concat({ a: long, b: "!" }, background)).value).toBe(`${long}!`);
    await expect(client.Sum({ a: 13, b: 1 }, background)).rejects.toMatchObject({
      code: "unknown",
      message: "unlucky",
    });
  });
});
