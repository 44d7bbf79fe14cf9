import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { isKitError } from "@kit/endpoint";
import { assert, asyncProperty, constantFrom, integer, nat, uint8Array } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Connection, openConnection } from "../src/connection.ts";

/** A server's answer to a new connection: version, timeout, session, password. */
const welcome = Buffer.alloc(41);
welcome.writeInt32BE(37, 0);
welcome.writeInt32BE(10_000, 8);
welcome.writeInt32BE(1, 16);
welcome.writeInt32BE(16, 20);

/** A frame around something. */
function framed(rest: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(rest.length);
  return Buffer.concat([size, rest]);
}

// A fake, since a real server sends no garbage.
describe("a connection to what is no ZooKeeper", () => {
  /** To the greeting, and to the question. */
  let answers: readonly Buffer[] = [];
  const server = createServer((socket) => {
    const left = [...answers];
    socket
      .on("error", () => {})
      .on("data", () => {
        const next = left.shift() ?? Buffer.alloc(0);
        if (left.length > 0) socket.write(next);
        else socket.end(next);
      });
  });
  beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"));
  afterAll(() => void server.close());

  const open = (): Connection =>
    openConnection({
      server: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
      session: undefined,
      sessionTimeoutMs: 10_000,
      connectTimeoutMs: 10_000,
      auth: undefined,
      acl: [],
      tls: undefined,
    });

  it("ends with an error of its own, whatever comes, and so does all that was asked", { timeout: 60_000 }, async () => {
    const garbage = uint8Array({ minLength: 1, maxLength: 200 });
    await assert(
      asyncProperty(
        constantFrom("greeting", "question"),
        constantFrom(framed, Buffer.from),
        garbage,
        async (at, wrap, bytes) => {
          answers = at === "greeting" ? [wrap(bytes)] : [welcome, wrap(bytes)];
          const connection = open();
          const asked = connection.ready.then(() => connection.children("/a"));
          const ended = new Promise((resolve) => connection.onEnd(resolve));
          expect(isKitError(await asked.catch((error: unknown) => error))).toBe(true);
          expect(isKitError(await ended)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("ends with an error of its own when an answer has any error's number or length", { timeout: 60_000 }, async () => {
    await assert(
      asyncProperty(nat(1), integer(), integer(), async (xid, error, length) => {
        const reply = Buffer.alloc(24);
        reply.writeInt32BE(xid, 0);
        reply.writeInt32BE(error, 12);
        reply.writeInt32BE(length, 16);
        answers = [welcome, framed(reply)];
        const connection = open();
        const asked = connection.ready.then(() => connection.children("/a"));
        expect(isKitError(await asked.catch((failure: unknown) => failure))).toBe(true);
        await new Promise((resolve) => void connection.onEnd(resolve));
      }),
    );
  });
});
