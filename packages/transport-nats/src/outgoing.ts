import type { HeaderWriter, OutgoingHeaders } from "@kit/transport";
import { headers as newHeaders, type MsgHdrs, type NatsConnection, type PublishOptions } from "@nats-io/transport-node";

/** A message that is about to go out: a request from a client, a reply from a server. */
export class NatsOutgoing implements HeaderWriter {
  subject: string;
  readonly headers: OutgoingHeaders = {};
  data: string | Uint8Array = "";

  constructor(subject: string) {
    this.subject = subject;
  }
}

/** Hands the message to the driver. @throws what the driver throws: nothing has left then. */
export function publish(connection: NatsConnection, { subject, headers, data }: NatsOutgoing, reply?: string): void {
  const options: PublishOptions = {};
  if (reply !== undefined) options.reply = reply;
  const written = headersOf(headers);
  if (written !== undefined) options.headers = written;
  connection.publish(subject, data, options);
}

/** `undefined` where there are none, which the wire says shorter, and a server without headers takes. */
function headersOf(headers: OutgoingHeaders): MsgHdrs | undefined {
  let written: MsgHdrs | undefined;
  for (const name in headers) {
    written ??= newHeaders();
    const values = headers[name]!;
    if (typeof values === "string") written.append(name, values);
    else for (const value of values) written.append(name, value);
  }
  return written;
}
