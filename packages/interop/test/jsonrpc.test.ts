import { whenInstalled } from "@kit/servers";
import {
  connectJsonrpc,
  encodeErrorPlain,
  jsonrpcClient,
  jsonrpcError,
  jsonrpcHandler,
  serveJsonrpc,
} from "@kit/transport-jsonrpc";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { Interop } from "./contract.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";
import { servingHttp } from "./serving.ts";

whenInstalled(gokit(), () => {
  interoperates({
    transport: "jsonrpc",
    connect: ({ place }) =>
      connectJsonrpc(Interop, { url: `http://127.0.0.1:${place.ports[1]}`, before: [writeIdentity] }),
    serve: (endpoints) =>
      servingHttp(serveJsonrpc(Interop, endpoints, { before: [readIdentity], errorEncoder: encodeErrorPlain })),
    coded: () => jsonrpcError(-32001, "not_found", "no such thing"),
    ourErrors: {
      plain: { code: "unknown", message: "out of order" },
      coded: { code: "unknown", message: "no such thing" },
    },
    goErrors: { plain: [-32603, "out of order"], coded: [-32001, "no such thing"] },
    goEnds: ["context canceled"],
    oursEnds: ["canceled"],
    identity: true,
  });

  interoperatesByEndpoint({
    transport: "jsonrpc",
    client: (method, { place }) => jsonrpcClient({ url: `http://127.0.0.1:${place.ports[1]}`, method }),
    handle: (method, endpoint, before) =>
      servingHttp(jsonrpcHandler({ [method]: { endpoint } }, { before: [before], errorEncoder: encodeErrorPlain })),
  });
});
