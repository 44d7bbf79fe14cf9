import { whenInstalled } from "@kit/servers";
import { connectHttp, encodeErrorPlain, httpClient, httpHandler, serveHttp, statusError } from "@kit/transport-http";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { Interop } from "./contract.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";
import { servingHttp } from "./serving.ts";

whenInstalled(gokit(), () => {
  interoperates({
    transport: "http",
    connect: ({ url }) => connectHttp(Interop, { url, before: [writeIdentity] }),
    serve: (endpoints) =>
      servingHttp(serveHttp(Interop, endpoints, { before: [readIdentity], errorEncoder: encodeErrorPlain })),
    coded: () => statusError(404, "not_found", "no such thing"),
    ourErrors: {
      plain: { code: "unknown", message: "http status 500" },
      coded: { code: "not_found", message: "http status 404" },
    },
    goErrors: { plain: [500, "out of order"], coded: [404, "no such thing"] },
    goEnds: ["context canceled"],
    oursEnds: ["canceled"],
    identity: true,
  });

  interoperatesByEndpoint({
    transport: "http",
    client: (operation, { url }) =>
      httpClient({
        url: `${url}/${operation}`,
        decode(response) {
          if (response.status !== 200) throw new Error(response.text());
          return JSON.parse(response.text());
        },
      }),
    handle: (_, endpoint, before) =>
      servingHttp(httpHandler(endpoint, { before: [before], errorEncoder: encodeErrorPlain })),
  });
});
