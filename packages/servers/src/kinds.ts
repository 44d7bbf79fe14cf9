import { consul } from "./consul.ts";
import { etcd } from "./etcd.ts";
import { eureka } from "./eureka.ts";
import { rabbitmq } from "./rabbitmq.ts";
import type { ServerKind } from "./server-kind.ts";

/** Every kind of server that can be started here. */
export const kinds: readonly ServerKind[] = [consul, etcd, eureka, rabbitmq];
