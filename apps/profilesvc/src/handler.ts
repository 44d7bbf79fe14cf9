import { type Logger, logged } from "@kit/log";
import { implement } from "@kit/service";
import { type HttpHandler, serveHttp } from "@kit/transport-http";
import { Profiles, type ProfileService } from "./contract.ts";
import { encodeProfileError } from "./errors.ts";

/** The service on HTTP, each call logged. @param otherwise - answers paths that it does not have. */
export function profilesHandler(service: ProfileService, logger: Logger, otherwise?: HttpHandler): HttpHandler {
  return serveHttp(
    Profiles,
    implement(Profiles, service, (method) => logged(logger, method)),
    {
      caseInsensitiveKeys: ["id", "name", "addresses", "location"],
      errorEncoder: encodeProfileError,
      ...(otherwise && { otherwise }),
    },
  );
}
