import { contextKey, type ContextKey } from "./context-key.ts";

/** Which call this is, for whatever logs, measures or traces it. */
export interface CallInfo {
  readonly service: string;
  readonly method: string;
  /** The transport's short name: `http`, `grpc`, `nats`, … */
  readonly transport: string;
  /** The other side's address as the transport knows it, where it does. */
  readonly peer?: string | undefined;
}

/** Where the transports put the {@link CallInfo} of the call in hand. */
export const callInfo: ContextKey<CallInfo> = contextKey("@kit/endpoint/callInfo");
