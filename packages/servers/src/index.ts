export { missingNeeds } from "./installed.ts";
export { type MortalProcess, registeredProcess } from "./registered-process.ts";
export type { Command, Place, ServerKind } from "./server-kind.ts";
export { serverPool, type ServerPool } from "./server-pool.ts";
export { type Server, startServer } from "./start-server.ts";
export { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";
export { whenInstalled, whenStartable } from "./when-installed.ts";

export { bind } from "./bind.ts";
export { consul } from "./consul.ts";
export { etcd } from "./etcd.ts";
export { eureka } from "./eureka.ts";
export { kinds } from "./kinds.ts";
export { nats } from "./nats.ts";
export { rabbitmq, rabbitmqctl } from "./rabbitmq.ts";
export { statsd } from "./statsd.ts";
export { zookeeper } from "./zookeeper.ts";
