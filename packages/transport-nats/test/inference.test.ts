import type { Context, Endpoint } from "@kit/endpoint";
import { defineService } from "@kit/service";
import type { HeaderReader, HeaderWriter } from "@kit/transport";
import type { NatsConnection } from "@nats-io/transport-node";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  connectNats,
  type NatsClient,
  natsClient,
  natsHandler,
  type NatsIncoming,
  type NatsOutgoing,
  type NatsServer,
  serveNats,
} from "../src/index.ts";

const Add = defineService("addsvc", {
  sum: {
    request: z.object({ a: z.int(), b: z.int().default(0) }),
    response: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
  },
});
const connection = { status: async function* () {}, subscribe: () => ({}) } as unknown as NatsConnection;

describe("the types", () => {
  it("of a service are those of its contract, from either side", () => {
    expectTypeOf(serveNats<typeof Add>)
      .parameter(1)
      .toHaveProperty("sum")
      .toEqualTypeOf<Endpoint<{ a: number; b: number }, { at: string }>>();
    expectTypeOf(serveNats<typeof Add>).returns.toEqualTypeOf<NatsServer>();
    const client = connectNats(Add, { connection, subjects: { sum: "math.sum" } });
    expectTypeOf(client.sum).toEqualTypeOf<Endpoint<{ a: number; b?: number | undefined }, { at: Date }>>();
    // @ts-expect-error -- an endpoint is missing
    if (false as boolean) serveNats(Add, {}, { connection });
    // @ts-expect-error -- no such method
    if (false as boolean) connectNats(Add, { connection, subjects: { difference: "a" } });
  });

  it("of a handler are those of its endpoint", () => {
    const endpoint: Endpoint<{ n: number }, string> = async ({ n }) => String(n);
    natsHandler(endpoint, {
      connection,
      subject: "a",
      decode: (message, ctx) => {
        expectTypeOf(message).toEqualTypeOf<NatsIncoming>();
        expectTypeOf(ctx).toEqualTypeOf<Context>();
        return { n: 1 };
      },
      encode: (response) => void expectTypeOf(response).toEqualTypeOf<string>(),
    });
    // @ts-expect-error -- decodes something else
    natsHandler(endpoint, { connection, subject: "a", decode: () => ({ m: 1 }) });
  });

  it("of a client are those it is told", () => {
    const client = natsClient<{ n: number }, string>({ connection, subject: "a" });
    expectTypeOf(client).toEqualTypeOf<NatsClient<{ n: number }, string>>();
    expectTypeOf(client).toExtend<Endpoint<{ n: number }, string> & AsyncDisposable>();
  });

  it("of messages are those that the hooks of every transport work on", () => {
    expectTypeOf<NatsIncoming>().toExtend<HeaderReader>();
    expectTypeOf<NatsOutgoing>().toExtend<HeaderWriter>();
  });
});
