import { bind, caller, logfmtLogger } from "@kit/log";
import { prometheusHandler, prometheusMetrics } from "@kit/metrics-prometheus";
import { implement } from "@kit/service";
import { serveHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { readFlags } from "../flags.ts";
import { serve } from "../serve.ts";
import { Strings } from "./contract.ts";
import { withLogging } from "./logging.ts";
import { summaries, withMetrics } from "./metrics.ts";
import { withProxying } from "./proxying.ts";
import { stringService } from "./service.ts";

const flags = readFlags({ listen: ":8080", proxy: "", "proxy-timeout": "250" });
const { listen, proxy: instances } = flags;
const logger = bind(logfmtLogger(process.stderr), { listen, caller: caller() });
const registry = new Registry();
const metrics = prometheusMetrics({ registry, prefix: "my_group_string_service_", summaries });

await using proxied = withProxying(stringService, { instances, timeoutMs: Number(flags["proxy-timeout"]), logger });
const service = withMetrics(withLogging(proxied, logger), metrics);
// Its metrics are on every path that the service does not have, such as /metrics.
const handler = serveHttp(Strings, implement(Strings, service), { otherwise: prometheusHandler(registry) });

await serve(handler, listen, (addr) => logger.log({ msg: "HTTP", addr }));
