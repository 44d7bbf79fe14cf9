// Serves the numbers in a process of its own, to be killed, stopped and continued. Usage: node peer.fixture.mjs <port>
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { grpcService, serveGrpc } from "@kit/transport-grpc";

const number = {
  encode: (value) => Buffer.from(String(value)),
  decode: (bytes) => Number(Buffer.from(bytes).toString()),
};
const codecs = { requestCodec: number, responseCodec: number };
const Numbers = grpcService({
  name: "numbers",
  methods: {
    square: { ...codecs, path: "/fault.Numbers/Square" },
    hang: { ...codecs, path: "/fault.Numbers/Hang" },
    count: { ...codecs, path: "/fault.Numbers/Count", responseStream: true },
  },
});

const server = new Server();
serveGrpc(
  Numbers,
  {
    square: async (value) => value * value,
    hang: () => new Promise(() => {}),
    count: async (value) =>
      (async function* () {
        yield value;
        await new Promise(() => {});
      })(),
  },
  { server },
);
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
