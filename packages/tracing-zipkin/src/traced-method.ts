import type { CalledMethod } from "@kit/tracing";
import { Annotation, type IAnnotation } from "zipkin";
import { type Address, addressOf } from "./address.ts";
import type { FullTracer } from "./tracer.ts";

/** What a span is of, as Zipkin has it; `LOCAL` is for what crosses no wire, and has no kind there. */
export type Kind = "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER" | "LOCAL";

/** The other side of a call. */
export interface RemoteEndpoint {
  /** What its own tracer calls it. */
  readonly service?: string | undefined;
  readonly address?: Address | undefined;
}

const edges = {
  SERVER: [Annotation.ServerRecv, Annotation.ServerSend],
  CLIENT: [Annotation.ClientSend, Annotation.ClientRecv],
  PRODUCER: [Annotation.ProducerStart, Annotation.ProducerStop],
  CONSUMER: [Annotation.ConsumerStart, Annotation.ConsumerStop],
} as const;

/** What all spans of one method have in common. */
export class TracedMethod {
  readonly begin: readonly IAnnotation[];
  readonly end: IAnnotation;

  constructor(tracer: FullTracer, kind: Kind, { spanName, transport }: CalledMethod) {
    const { serviceName = "unknown", ipv4, port = 0 } = tracer.localEndpoint;
    const local = addressOf(ipv4);
    const here = [
      new Annotation.ServiceName(serviceName),
      ...(local === undefined ? [] : [new Annotation.LocalAddr({ host: local.host, port })]),
    ];
    if (kind === "LOCAL") {
      this.begin = [...here, new Annotation.LocalOperationStart(spanName)];
      this.end = new Annotation.LocalOperationStop();
      return;
    }
    const [Begin, End] = edges[kind];
    this.begin = [
      ...here,
      new Annotation.Rpc(spanName),
      new Begin(),
      ...(isCall(kind) ? [new Annotation.BinaryAnnotation("rpc.method", spanName)] : []),
      ...(isCall(kind) && transport !== "" ? [new Annotation.BinaryAnnotation("rpc.system.name", transport)] : []),
    ];
    this.end = new End();
  }
}

export const isCall = (kind: Kind): boolean => kind === "SERVER" || kind === "CLIENT";

/** Zipkin's annotation for the other side, where something is known of it. */
export function remoteOf(kind: Kind, { service: serviceName = "", address }: RemoteEndpoint): IAnnotation | undefined {
  if (kind === "LOCAL" || (serviceName === "" && address === undefined)) return undefined;
  if (kind === "SERVER") return address && new Annotation.ClientAddr(address);
  const Addr = kind === "CLIENT" ? Annotation.ServerAddr : Annotation.MessageAddr;
  return new Addr({ serviceName, ...address });
}
