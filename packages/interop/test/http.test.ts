import { whenInstalled } from "@kit/servers";
import {
  connectHttp,
  decodePlainResponse,
  encodeErrorPlain,
  httpClient,
  httpHandler,
  serveHttp,
  statusError,
} from "@kit/transport-http";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { Interop } from "./contract.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";
import { servingHttp } from "./serving.ts";

whenInstalled(gokit(), () => {
  interoperates({
    transport: "http",
    connect: ({ url }) => connectHttp(Interop, { url, before: [writeIdentity], decode: decodePlainResponse }),
    serve: (endpoints) =>
      servingHttp(serveHttp(Interop, endpoints, { before: [readIdentity], errorEncoder: encodeErrorPlain })),
    coded: () => statusError(404, "not_found", "no such thing"),
    ourErrors: {
      plain: { code: "unknown", message: "out of order" },
      coded: { code: "not_found", message: "no such thing" },
    },
    goErrors: { plain: [500, "out of order"], coded: [404, "no such thing"] },
    goEnds: ["context canceled"],
    oursEnds: ["canceled"],
    identity: true,
  });

  interoperatesByEndpoint({
    transport: "http",
    client: (operation, { url }) => httpClient({ url: `${url}/${operation}`, decode: decodePlainResponse }),
    handle: (_, endpoint, before) =>
      servingHttp(httpHandler(endpoint, { before: [before], errorEncoder: encodeErrorPlain })),
  });
});
