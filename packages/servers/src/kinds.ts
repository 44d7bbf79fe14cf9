import { bind } from "./bind.ts";
import { consul } from "./consul.ts";
import { etcd } from "./etcd.ts";
import { eureka } from "./eureka.ts";
import { nats } from "./nats.ts";
import { prometheus } from "./prometheus.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";
import type { ServerKind } from "./server-kind.ts";
import { statsd } from "./statsd.ts";
import { zookeeper } from "./zookeeper.ts";

/** Every kind of server that can be started here. */
export const kinds: readonly ServerKind[] = [
  bind,
  consul,
  etcd,
  eureka,
  nats,
  prometheus,
  rabbitmq,
  redis,
  statsd,
  zookeeper,
];
