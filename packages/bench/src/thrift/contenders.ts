import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { background } from "@kit/endpoint";
import {
  connectThrift,
  serveThrift,
  thriftClient,
  type ThriftFraming,
  thriftHandler,
  thriftService,
} from "@kit/transport-thrift";
import thrift from "thrift";
import { z } from "zod";
import AddModule from "../../gen/AddService.js";
import ttypes from "../../gen/addsvc_types.js";

/** One side or the other of a contender; each runs in a process of its own. */
export interface Contender {
  listen(): Server;
  /** Resolves to what calls one sum, checked, over one connection. */
  connect(port: number): Promise<() => Promise<unknown>>;
}

const AddService = thriftService("addsvc", AddModule, {
  Sum: { args: ["a", "b"] },
  Concat: { args: ["a", "b"] },
});

const sumReply = z.object({ value: z.int(), err: z.string().nullable() });
const Checked = thriftService("addsvc", AddModule, {
  Sum: { args: ["a", "b"], request: z.object({ a: z.int(), b: z.int() }), response: sumReply },
  Concat: { args: ["a", "b"] },
});

function kit(framing: ThriftFraming): Contender {
  return {
    listen: () =>
      createServer(
        thriftHandler(async ({ a, b }: { a: number; b: number }) => ({ value: a + b, err: "" }), {
          method: AddService.methods.Sum,
        }),
      ),
    async connect(port) {
      const address = `127.0.0.1:${port}`;
      const sum = thriftClient<{ a: number; b: number }, { value: number }>({
        address,
        framing,
        method: AddService.methods.Sum,
      });
      return () => sum({ a: 1, b: 2 }, background).then(({ value }) => verify(value));
    },
  };
}

const checked: Contender = {
  listen: () =>
    createServer(
      serveThrift(Checked, {
        Sum: async ({ a, b }) => ({ value: a + b, err: "" }),
        Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
      }),
    ),
  async connect(port) {
    const client = connectThrift(Checked, { address: `127.0.0.1:${port}`, framing: "framed" });
    return () => client.Sum({ a: 1, b: 2 }, background).then(({ value }) => verify(value));
  },
};

// Its types are of another version than it is.
type Driver = any;

/** The runtime's own server and client, used as its tutorial does. */
function bare(transport: "TFramedTransport" | "TBufferedTransport"): Contender {
  const driver: Driver = thrift;
  const options = { transport: driver[transport], protocol: driver.TBinaryProtocol };
  return {
    listen: () =>
      driver.createServer(
        AddModule,
        {
          Sum: async (a: Driver, b: Driver) => new ttypes.SumReply({ value: a.toNumber() + b.toNumber(), err: "" }),
        },
        options,
      ),
    async connect(port) {
      const connection = driver.createConnection("127.0.0.1", port, options);
      await once(connection, "connect");
      const client = driver.createClient(AddModule, connection);
      return () => client.Sum(1, 2).then(({ value }: Driver) => verify(value.toNumber()));
    },
  };
}

function verify(value: number): void {
  if (value !== 3) throw new Error(`not the answer: ${value}`);
}

export const contenders = {
  "kit, headers": kit("header"),
  "kit, framed": kit("framed"),
  "kit, buffered": kit("buffered"),
  "kit, contract and zod": checked,
  "thrift, framed": bare("TFramedTransport"),
  "thrift, buffered": bare("TBufferedTransport"),
} as const satisfies Record<string, Contender>;

export type ContenderName = keyof typeof contenders;

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
