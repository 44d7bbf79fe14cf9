import type { Bench } from "./bench.ts";

/** All there are, in the order in which they run. */
export const benches: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  chain: () => import("./benches/chain.ts"),
  context: () => import("./benches/context.ts"),
  pick: () => import("./benches/pick.ts"),
  breaker: () => import("./benches/breaker.ts"),
  discovery: () => import("./benches/discovery.ts"),
  limiter: () => import("./benches/limiter.ts"),
  log: () => import("./benches/log.ts"),
  metrics: () => import("./benches/metrics.ts"),
  "http-server": () => import("./benches/http-server.ts"),
  "http-client": () => import("./benches/http-client.ts"),
  jsonrpc: () => import("./benches/jsonrpc.ts"),
  grpc: () => import("./benches/grpc.ts"),
  nats: () => import("./benches/nats.ts"),
  amqp: () => import("./benches/amqp.ts"),
  thrift: () => import("./benches/thrift.ts"),
  "whole-chain": () => import("./benches/whole-chain.ts"),
  import: () => import("./benches/import.ts"),
  size: () => import("./benches/size.ts"),
  soak: () => import("./benches/soak.ts"),
};

/** Those that go on for minutes: run only when they are named, and started once. */
export const long: ReadonlySet<string> = new Set(["soak"]);
