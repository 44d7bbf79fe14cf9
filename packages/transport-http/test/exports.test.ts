import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  const names = [
    "codeOfStatus",
    "connectHttp",
    "decodeJsonResponse",
    "decodePlainResponse",
    "drainHttp",
    "encodeError",
    "encodeErrorPlain",
    "encodeJsonRequest",
    "encodeJsonResponse",
    "fetchSender",
    "httpClient",
    "httpHandler",
    "httpRequest",
    "jsonRequestDecoder",
    "nopRequestDecoder",
    "populateRequestContext",
    "serveHttp",
    "setRequestHeader",
    "setResponseHeader",
    "statusError",
    "undiciSender",
  ];
  expect(Object.keys(await import("@kit/transport-http")).toSorted()).toEqual(names.toSorted());
});
