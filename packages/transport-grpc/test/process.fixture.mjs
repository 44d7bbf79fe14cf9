// Serves and calls in one process, closes both ends, and has then nothing left to live for. Usage: node process.fixture.mjs <closed|left>
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { background } from "@kit/endpoint";
import { connectGrpc, drainGrpc, grpcService, serveGrpc, serveGrpcHealth } from "@kit/transport-grpc";

const text = { encode: (value) => Buffer.from(value), decode: (bytes) => Buffer.from(bytes).toString() };
const codecs = { requestCodec: text, responseCodec: text };
const Echo = grpcService({
  name: "echo",
  methods: {
    echo: { ...codecs, path: "/t.Echo/Echo" },
    hang: { ...codecs, path: "/t.Echo/Hang" },
    count: { ...codecs, path: "/t.Echo/Count", responseStream: true },
  },
});
const server = new Server();
async function* endless() {
  for (let n = 0; ; n++) yield String(n);
}
const echo = async (request) => request;
serveGrpc(Echo, { echo, hang: () => new Promise(() => {}), count: async () => endless() }, { server });
const health = serveGrpcHealth({ server, ready: () => true });
const port = await new Promise((resolve) =>
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_, at) => resolve(at)),
);
const client = connectGrpc(Echo, { address: `127.0.0.1:${port}`, credentials: credentials.createInsecure() });

// Contexts that nobody ends: what is left of them must not keep the process.
const answers = ["a", "b"].map((request) => client.echo(request, background.withTimeout(3_600_000)));
const gone = background.withTimeout(3_600_000);
const cancelled = client.hang("c", gone).catch((error) => error.code);
gone.cancel();
const read = [];
for await (const item of await client.count("", background.withTimeout(3_600_000))) {
  read.push(item);
  if (read.length === 3) break;
}
console.log(JSON.stringify([...(await Promise.all(answers)), await cancelled, ...read]));
if (process.argv[2] === "closed") {
  await client[Symbol.asyncDispose]();
  await health.close();
  await drainGrpc(server);
}
