import { background, contextKey } from "@kit/endpoint";
import { nats, whenInstalled } from "@kit/servers";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { describe, expect, it, vi } from "vitest";
import {
  decodePlainReply,
  encodeErrorPlain,
  natsClient,
  type NatsClientOptions,
  natsHandler,
  type NatsHandlerOptions,
  nopRequestDecoder,
} from "../src/index.ts";
import { newSubject, shared } from "./broker.ts";

const dang = new Error("dang");
const fails = (): never => {
  throw dang;
};
const step = contextKey<string>("@test/step");

whenInstalled(nats, () => {
  const connect = shared();

  describe("go-kit's tests of the subscriber", () => {
    /** What a caller that knows nothing of us gets. */
    async function ask(
      options: Partial<NatsHandlerOptions<any, any>>,
      endpoint: (request: unknown) => unknown = () => ({}),
      data = "",
    ): Promise<string> {
      const connection = await connect();
      const subject = newSubject();
      await using _ = natsHandler(async (request) => endpoint(request), {
        connection,
        subject,
        decode: () => ({}),
        errorEncoder: encodeErrorPlain,
        ...options,
      });
      const reply = await connection.request(subject, data, { timeout: 10_000 });
      expect(reply.headers).toBeUndefined();
      return reply.string();
    }

    it.each<[string, Partial<NatsHandlerOptions<any, any>>, () => unknown]>([
      ["TestSubscriberBadDecode", { decode: fails }, () => ({})],
      ["TestSubscriberBadEndpoint", {}, fails],
      ["TestSubscriberBadEncode", { encode: fails }, () => ({})],
    ])("%s: replies with the error's text", async (_, options, endpoint) => {
      expect(await ask(options, endpoint)).toBe('{"err":"dang"}');
    });

    it("TestSubscriberErrorEncoder: replies what the error encoder makes", async () => {
      const errorEncoder: NatsHandlerOptions<any, any>["errorEncoder"] = (_, reply) => {
        reply.data = '{"err":"strictly personal"}';
      };
      expect(await ask({ errorEncoder }, fails)).toBe('{"err":"strictly personal"}');
    });

    it("TestErrorEncoder: hides the text unless told otherwise", async () => {
      const connection = await connect();
      const subject = newSubject();
      await using _ = natsHandler(fails, { connection, subject });
      const reply = await connection.request(subject);
      expect([reply.headers!.get("error-code"), reply.json()]).toEqual([
        "unknown",
        { code: "unknown", message: "internal error" },
      ]);
    });

    it("TestSubscriberHappySubject, TestEncodeJSONResponse: replies with JSON and nothing behind it", async () => {
      expect(await ask({}, () => ({ foo: "bar" }))).toBe('{"foo":"bar"}');
    });

    it("TestMultipleSubscriberBefore: hands each the context of the one before", async () => {
      const seen: unknown[] = [];
      await ask({
        before: [(ctx) => ctx.with(step, "one"), (ctx) => ctx.with(step, `${ctx.get(step)} two`)],
        decode: (_, ctx) => seen.push(ctx.get(step)),
      });
      expect(seen).toEqual(["one two"]);
    });

    it("TestMultipleSubscriberAfter: hands each the context of the one before", async () => {
      const seen: unknown[] = [];
      await ask({ after: [(ctx) => ctx.with(step, "one"), (ctx) => void seen.push(ctx.get(step))] });
      expect(seen).toEqual(["one"]);
    });

    it("TestSubscriberFinalizerFunc: runs every finalizer, where go-kit runs the last", async () => {
      const finalizers = [vi.fn<() => void>(), vi.fn<() => void>()];
      await ask({ finalizer: finalizers });
      for (const finalizer of finalizers) await vi.waitFor(() => expect(finalizer).toHaveBeenCalledOnce());
    });

    it("TestEncodeNoContent, TestNoOpRequestDecoder: replies {} and null, whatever was sent", async () => {
      const seen: unknown[] = [];
      const options = { decode: nopRequestDecoder };
      expect(await ask(options, () => ({}), "{")).toBe("{}");
      expect(await ask(options, (request) => (seen.push(request), null), "{")).toBe("null");
      expect(seen).toEqual([undefined]);
    });

    it("TestLogErrorHandler: hands the error itself to whoever logs", async () => {
      const onError = vi.fn<(error: unknown) => void>();
      await ask({ onError }, fails);
      expect(onError.mock.calls.map(([error]) => error)).toEqual([dang]);
    });
  });

  describe("go-kit's tests of the publisher", () => {
    /** A client of a subscriber that knows nothing of us. */
    async function calling(
      answer: (data: string, connection: NatsConnection, reply: string) => void,
      options: Partial<NatsClientOptions<any, any>> = {},
    ) {
      const connection = await connect();
      const subject = newSubject();
      connection.subscribe(subject, { callback: (_, message) => answer(message.string(), connection, message.reply!) });
      return natsClient<any, any>({ connection, subject, ...options });
    }

    it("TestPublisher: decodes the reply", async () => {
      const decode: NatsClientOptions<any, any>["decode"] = (reply) => reply.text();
      await using client = await calling((_, connection, reply) => connection.publish(reply, "testdata"), { decode });
      expect(await client({}, background)).toBe("testdata");
    });

    it("TestPublisherBefore: lets a hook change what is sent", async () => {
      const before = [(_: unknown, message: { data: unknown }) => void (message.data = '"changed"')];
      await using client = await calling((data, connection, reply) => connection.publish(reply, data), { before });
      expect(await client({}, background)).toBe("changed");
    });

    it("TestPublisherAfter: shows a hook the reply", async () => {
      const seen: string[] = [];
      const after: NatsClientOptions<any, any>["after"] = [(_, reply) => void seen.push(reply.text())];
      await using client = await calling((_, connection, reply) => connection.publish(reply, "1"), { after });
      await client({}, background);
      expect(seen).toEqual(["1"]);
    });

    it("TestPublisherTimeout: ends a call that nobody answers, of itself as well", async () => {
      await using client = await calling(() => {}, { timeoutMs: 100 });
      await expect(client({}, background)).rejects.toMatchObject({ code: "deadline_exceeded" });
      await expect(client({}, background.withTimeout(20))).rejects.toMatchObject({ code: "deadline_exceeded" });
    });

    it("TestPublisherCancellation: rejects with the cause itself", async () => {
      await using client = await calling(() => {});
      const ctx = background.withCancel();
      const call = client({}, ctx);
      ctx.cancel(dang);
      await expect(call).rejects.toBe(dang);
    });

    it("TestEncodeJSONRequest: sends JSON and no headers", async () => {
      const seen: string[] = [];
      await using client = await calling((data, connection, reply) => {
        seen.push(data);
        connection.publish(reply, "null");
      });
      for (const value of [null, 12, 1.2, true, "test", { foo: "foo" }]) await client(value, background);
      expect(seen).toEqual(["null", "12", "1.2", "true", '"test"', '{"foo":"foo"}']);
    });

    it("knows the errors of a subscriber when told so", async () => {
      const replies = ['{"err":"dang"}', '{"err":""}', '{"v":1,"err":"business"}', "null"];
      const answer = (_: string, connection: NatsConnection, reply: string): void =>
        connection.publish(reply, replies.shift());
      await using client = await calling(answer, { decode: decodePlainReply });
      await expect(client({}, background)).rejects.toMatchObject({ code: "unknown", message: "dang" });
      expect(await client({}, background)).toEqual({ err: "" });
      expect(await client({}, background)).toEqual({ v: 1, err: "business" });
      expect(await client({}, background)).toBeNull();
    });
  });

  it("finds a header whatever its case, and all its values", async () => {
    const connection = await connect();
    const subject = newSubject();
    const seen: unknown[] = [];
    await using _ = natsHandler(async () => 1, {
      connection,
      subject,
      before: [(_ctx, message) => void seen.push(message.header("x-tag"), message.header("x-none"), message.subject)],
    });
    const written = headers();
    written.append("X-Tag", "a");
    written.append("X-Tag", "b");
    await connection.request(subject, "1", { timeout: 10_000, headers: written });
    expect(seen).toEqual(["a, b", undefined, subject]);
  });
});
