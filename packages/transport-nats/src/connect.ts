import { type ClientOf, clientOf, type Service } from "@kit/service";
import { Caller, type NatsClientCommon } from "./caller.ts";
import type { NatsIncoming } from "./incoming.ts";
import { decodeJsonReply, encodeJson } from "./json.ts";
import { NatsOutgoing } from "./outgoing.ts";
import { type NatsSubjects, subjectsOf } from "./subjects.ts";

export interface ConnectNatsOptions<S extends Service = Service> extends NatsClientCommon, NatsSubjects<S> {
  /** Sees every reply, errors as well. @default {@link decodeJsonReply}; {@link decodePlainReply} knows the errors of a go-kit server */
  readonly decode?: (reply: NatsIncoming) => unknown;
}

/**
 * A client of a whole service, with one inbox for the replies to all its methods. Dispose it to let go of that; the connection stays.
 *
 * Calls reject with the `KitError` that the server sent, `unavailable` when nobody serves the method or the connection is down, or the context's own cause.
 *
 * @throws {TypeError} for what cannot be a subject, or a limit that is not a positive number.
 */
export function connectNats<S extends Service>(service: S, options: ConnectNatsOptions<S>): ClientOf<S> {
  const { decode = decodeJsonReply } = options;
  const subjects = subjectsOf("connectNats", service, options);
  const caller = new Caller("connectNats", options);
  return clientOf(
    service,
    ({ name }) => {
      const subject = subjects.get(name)!;
      const call = caller.steps(subject);
      const operation = { newMessage: () => new NatsOutgoing(subject), encode: encodeJson, decode };
      return (request, ctx) => call(operation, request, ctx);
    },
    async () => caller.close(),
  );
}
