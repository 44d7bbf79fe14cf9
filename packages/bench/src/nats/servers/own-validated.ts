import { connect, type Msg } from "@nats-io/transport-node";
import { z } from "zod";

const Request = z.object({ a: z.int(), b: z.int() });

/** What people write who use nothing but a validator, and want a caller to be told what is wrong. */
export async function serve(servers: string, prefix: string): Promise<void> {
  const connection = await connect({ servers });
  connection.subscribe(`${prefix}.sum`, { queue: prefix, callback: (_, message) => void answer(message) });
  await connection.flush();
}

async function answer(message: Msg): Promise<void> {
  try {
    const { a, b } = Request.parse(message.json());
    message.respond(JSON.stringify(await sum(a, b)));
  } catch (error) {
    message.respond(JSON.stringify({ err: String(error) }));
  }
}

async function sum(a: number, b: number): Promise<{ readonly v: number }> {
  return { v: a + b };
}
