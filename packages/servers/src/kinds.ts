import { bind } from "./bind.ts";
import { carbon } from "./carbon.ts";
import { chromium } from "./chromium.ts";
import { consul } from "./consul.ts";
import { etcd } from "./etcd.ts";
import { eureka } from "./eureka.ts";
import { influxdb } from "./influxdb.ts";
import { nats } from "./nats.ts";
import { pcp } from "./pcp.ts";
import { postgres } from "./postgres.ts";
import { prometheus } from "./prometheus.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";
import { rsyslog } from "./rsyslog.ts";
import type { ServerKind } from "./server-kind.ts";
import { statsd } from "./statsd.ts";
import { statsdExporter } from "./statsd-exporter.ts";
import { victoriametrics } from "./victoriametrics.ts";
import { zipkin } from "./zipkin.ts";
import { zookeeper } from "./zookeeper.ts";

/** Every kind of server that can be started here. */
export const kinds: readonly ServerKind[] = [
  bind,
  carbon,
  chromium,
  consul,
  etcd,
  eureka,
  influxdb,
  nats,
  pcp,
  postgres,
  prometheus,
  rabbitmq,
  redis,
  rsyslog,
  statsd,
  statsdExporter,
  victoriametrics,
  zipkin,
  zookeeper,
];
