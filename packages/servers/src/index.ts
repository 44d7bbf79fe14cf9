export { missingNeeds } from "./installed.ts";
export type { Command, Place, ServerKind } from "./server-kind.ts";
export { type Server, startServer } from "./start-server.ts";
export { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";
export { whenInstalled, whenStartable } from "./when-installed.ts";

export { consul } from "./consul.ts";
export { etcd } from "./etcd.ts";
export { eureka } from "./eureka.ts";
export { kinds } from "./kinds.ts";
export { rabbitmq, rabbitmqctl } from "./rabbitmq.ts";
