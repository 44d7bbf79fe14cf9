import { background, codeOf } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import {
  fetchSender,
  httpClient,
  type HttpHandlerOptions,
  httpHandler,
  type HttpRequest,
  undiciSender,
} from "../src/index.ts";
import { serving } from "./serving.ts";
import { answerTo, parsed, request } from "./wire.ts";

type Read = (message: HttpRequest) => unknown;

/** A handler that answers with what `read` makes of the request. */
const reading = (read: Read): ReturnType<typeof httpHandler> => {
  const options: HttpHandlerOptions<any, any> = { decode: read, bodyTimeoutMs: 100 };
  return httpHandler(async (seen) => seen ?? null, options);
};

const forms: [string, (read: Read) => Promise<(path: string, init?: RequestInit) => Promise<Response>>][] = [
  [
    "Node's servers",
    async (read) => {
      const { url } = await serving(reading(read));
      return (path, init) => fetch(url + path, init);
    },
  ],
  [
    "the fetch form",
    async (read) => {
      const handler = reading(read);
      return (path, init) => handler.fetch(new Request(`http://test${path}`, init));
    },
  ],
];

describe.each(forms)("a request through %s", (_, served) => {
  const see = async (read: Read, path: string, init?: RequestInit): Promise<unknown> => {
    const response = await (await served(read))(path, init);
    return await response.json();
  };

  it("has method, URL and path as they were sent", async () => {
    const read: Read = ({ method, url, path, params }) => [method, url, path, params];
    expect(await see(read, "/a%20b/%C3%BC?q=%20&r=1", { method: "DELETE" })).toEqual([
      "DELETE",
      "/a%20b/%C3%BC?q=%20&r=1",
      "/a%20b/%C3%BC",
      {},
    ]);
  });

  it("has headers by their lower-case names, several of one name as a list", async () => {
    const headers: [string, string][] = [
      ["X-One", "1"],
      ["X-Two", "a"],
      ["x-two", "b"],
      ["x-empty", ""],
    ];
    const read: Read = (message) => ["x-one", "x-two", "x-empty", "x-none"].map((name) => message.header(name) ?? null);
    expect(await see(read, "/", { headers })).toEqual(["1", "a, b", "", null]);
  });

  it.each([
    ["bytes", async (message: HttpRequest) => Buffer.from(await message.bytes()).toString("hex")],
    [
      "stream",
      async (message: HttpRequest) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of message.stream()) pieces.push(piece);
        return Buffer.concat(pieces).toString("hex");
      },
    ],
  ])("has a body, as %s", async (__, read) => {
    const body = Buffer.alloc(200_000, "äß");
    expect(await see(read, "/", { method: "POST", body })).toBe(body.toString("hex"));
    expect(await see(read, "/", { method: "POST" })).toBe("");
    expect(await see(read, "/")).toBe("");
  });

  it("has a body, as text and as JSON", async () => {
    const body = JSON.stringify({ text: "äß€🙂".repeat(50_000) });
    expect(await see((message) => message.text(), "/", { method: "POST", body })).toBe(body);
    expect(await see((message) => message.json(), "/", { method: "POST", body })).toEqual(JSON.parse(body));
    expect(await see(async (message) => (await message.json()) === undefined, "/")).toBe(true);
    const refused = await see((message) => message.json(), "/", { method: "POST", body: '{"__proto__":1}' });
    expect(refused).toMatchObject({ code: "invalid_argument" });
  });

  it("has a body once: who reads again fails, but not for ever", async () => {
    const read: Read = async (message) => {
      await message.bytes();
      return message.bytes().then(
        () => "read again",
        (error: unknown) => codeOf(error),
      );
    };
    expect(await see(read, "/", { method: "POST", body: "x".repeat(100) })).not.toBe("read again");
  });
});

describe("a reply", () => {
  it("may be text, bytes or nothing, with the length of each", async () => {
    const bodies: unknown[] = ["ä€", Buffer.from([0, 255]), new Uint8Array(3).subarray(1), "", undefined];
    const handler = httpHandler(async (n: number) => bodies[n], {
      decode: ({ path }) => Number(path.slice(1)),
      encode: (body, reply) => void (reply.body = body as string),
    });
    const { port } = await serving(handler);
    const lengths: (string | undefined)[] = [];
    for (const n of bodies.keys()) {
      const answer = await answerTo(port, request(`GET /${n}`));
      lengths.push(/content-length: (\d+)/.exec(answer)?.[1]);
      const form = await handler.fetch(new Request(`http://test/${n}`));
      expect(Buffer.from(await form.arrayBuffer()).toString()).toBe(parsed(answer).body);
    }
    expect(lengths).toEqual(["5", "2", "2", "0", "0"]);
  });

  it("keeps the values of a header apart", async () => {
    const cookies = ["a=1; Expires=Mon, 01 Jan 2035 00:00:00 GMT", "b=2"];
    const handler = httpHandler(async () => 1, {
      after: [(_, reply) => void Object.assign(reply.headers, { "set-cookie": cookies, vary: ["a", "b"] })],
    });
    const { url } = await serving(handler);
    for (const response of [await fetch(url), await handler.fetch(new Request(url))]) {
      expect(response.headers.getSetCookie()).toEqual(cookies);
      expect(response.headers.get("vary")).toBe("a, b");
    }
  });

  it("shows a client its headers by their lower-case names, several of one name as a list", async () => {
    const { url } = await serving((_, response) => {
      response.writeHead(200, { "X-One": "1", Vary: ["a", "b"] }).end();
    });
    for (const sender of [undiciSender({ origin: url }), fetchSender({ origin: url })]) {
      const client = httpClient({
        url,
        sender,
        decode: (response) => ["x-one", "vary", "x-none"].map((name) => response.header(name)),
      });
      expect(await client({}, background)).toEqual(["1", "a, b", undefined]);
      await sender.close();
    }
  });
});
