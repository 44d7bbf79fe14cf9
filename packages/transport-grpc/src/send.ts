import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
  status as Status,
  type StatusObject,
} from "@grpc/grpc-js";
import { type Context, inject, refusal } from "@kit/endpoint";
import type { ProtobufMethod } from "@kit/protobuf";
import type { GrpcClientRequest } from "./client.ts";
import type { Connection } from "./connection.ts";
import { decodeError } from "./error.ts";
import { metadataOf } from "./metadata.ts";
import { OutgoingStream } from "./outgoing-stream.ts";
import { GrpcClientReply } from "./reply.ts";
import { IncomingMessages } from "./stream.ts";

/** What there is to know of a method to call it. */
export type Called = Pick<ProtobufMethod, "path" | "requestStream" | "responseStream" | "timeoutMs">;

/** Takes the bytes of a request to the peer, and those of its reply back. */
export type Send = (message: GrpcClientRequest, ctx: Context) => Promise<GrpcClientReply>;

/** Longer deadlines wrap around in timers, here and on servers of Node's, so they are not sent. */
const longestDeadlineMs = 2 ** 31 - 1;

/** What grpc-js says of calls that end with their connection, or with a server that is shut down by force, whatever code it gives them. */
const brokenOff = /^Call cancelled$|triggered by internal client error/;

const asItIs = (bytes: Buffer): Buffer => bytes;
const nothing = (): void => {};

/** Sends the requests of one method over a connection. */
export function sender(connection: Connection, called: Called): Send {
  const { client } = connection;
  const { path, requestStream, responseStream, timeoutMs } = called;

  const sendOne: Send = ({ body, headers }, ctx) =>
    new Promise((resolve, reject) => {
      const reply = new GrpcClientReply();
      let forget = nothing;
      const cut = (cause: Error): void => {
        call.cancel();
        reject(cause);
      };
      const leave = connection.begin(cut);
      const settle = (error: ServiceError | null, bytes?: Buffer): void => {
        leave();
        forget();
        if (error !== null) return reject(failureOf(error, call, connection, ctx));
        reply.body = bytes;
        resolve(reply);
      };
      const call = started(leave, () =>
        client.makeUnaryRequest<Buffer, Buffer>(
          path,
          asItIs,
          asItIs,
          body,
          metadataOf(headers) ?? new Metadata(),
          optionsOf(ctx),
          settle,
        ),
      );
      listen(call, reply);
      forget = ctx.onCancel(cut);
    });

  const sendStream: Send = ({ body, headers }, ctx) =>
    new Promise((resolve, reject) => {
      const reply = new GrpcClientReply();
      const life = new OutgoingStream(connection, timeoutMs, ctx, (cause) => {
        call.cancel();
        reject(cause);
      });
      const options = optionsOf(life.scope);
      const settle = (error: ServiceError | null, bytes?: Buffer): void => {
        const failure = error && failureOf(error, call, connection, life.scope);
        life.end();
        if (failure !== null) return reject(failure);
        reply.body = bytes;
        resolve(reply);
      };
      const call = started(life.end, () =>
        client.makeClientStreamRequest<Buffer, Buffer>(
          path,
          asItIs,
          asItIs,
          metadataOf(headers) ?? new Metadata(),
          options,
          settle,
        ),
      );
      listen(call, reply);
      life.begin();
      life.upload(body, call);
    });

  const sendForStream: Send = ({ body, headers }, ctx) =>
    new Promise((resolve, reject) => {
      const reply = new GrpcClientReply();
      const life = new OutgoingStream(connection, timeoutMs, ctx, (cause) => {
        call.cancel();
        messages.cut(cause);
        reject(cause);
      });
      const options = optionsOf(life.scope);
      const call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer> = started(life.end, () =>
        requestStream
          ? client.makeBidiStreamRequest<Buffer, Buffer>(
              path,
              asItIs,
              asItIs,
              metadataOf(headers) ?? new Metadata(),
              options,
            )
          : client.makeServerStreamRequest<Buffer, Buffer>(
              path,
              asItIs,
              asItIs,
              body,
              metadataOf(headers) ?? new Metadata(),
              options,
            ),
      );
      const messages = new IncomingMessages(call, () => {
        life.end();
        // To stop reading would not tell the server.
        call.cancel();
      });
      reply.body = messages;
      listen(call, reply);
      call.on("metadata", () => resolve(reply));
      call.on("status", (status: StatusObject) => {
        const failure = status.code === Status.OK ? undefined : failureOf(status, call, connection, life.scope);
        life.end();
        messages.end(failure);
        if (failure === undefined) resolve(reply);
        else reject(failure);
      });
      life.begin();
      if (requestStream) life.upload(body, call as ClientDuplexStream<Buffer, Buffer>);
    });

  const send = responseStream ? sendForStream : requestStream ? sendStream : sendOne;
  return (message, ctx) => {
    inject(ctx, (name, value) => {
      message.headers[name] = value;
    });
    return send(message, ctx);
  };
}

/** @throws {KitError} `unavailable` on a client that its owner has closed, `invalid_argument` for metadata that cannot be. */
function started<Call>(leave: () => void, start: () => Call): Call {
  try {
    return start();
  } catch (cause) {
    leave();
    if ((cause as { code?: unknown }).code !== undefined) throw cause;
    throw refusal("unavailable", "the client is closed", { notSent: true, cause });
  }
}

function optionsOf({ deadline }: Context): CallOptions {
  return deadline === undefined || deadline - Date.now() > longestDeadlineMs ? {} : { deadline };
}

type AnyClientCall = Pick<ClientUnaryCall, "on" | "getPeer">;

function listen(call: AnyClientCall, reply: GrpcClientReply): void {
  call.on("metadata", (metadata: Metadata) => {
    reply.metadata = metadata;
  });
  call.on("status", ({ metadata }: StatusObject) => {
    reply.trailers = metadata;
  });
  // Where there is such an event, it says what the status says.
  call.on("error", nothing);
}

function failureOf(
  status: Pick<StatusObject, "code" | "details" | "metadata">,
  call: AnyClientCall,
  { client }: Connection,
  ctx: Context,
): Error {
  // The driver, the server and the context have the same deadline; which of them sees it first is chance.
  if (ctx.cancelled !== undefined) return ctx.cancelled;
  // Nobody here has cancelled it.
  if (brokenOff.test(status.details)) return decodeError({ ...status, code: Status.UNAVAILABLE }, false);
  // A call that was given no connection has no peer but the name it was looking for.
  const notSent = status.code === Status.UNAVAILABLE && call.getPeer() === client.getChannel().getTarget();
  return decodeError(status, notSent);
}
