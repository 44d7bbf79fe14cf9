import { logfmtLogger } from "@kit/log";
import { prometheusHandler, prometheusMetrics } from "@kit/metrics-prometheus";
import { implement } from "@kit/service";
import { serveHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { readFlags } from "../flags.ts";
import { serve } from "../serve.ts";
import { Strings } from "./contract.ts";
import { withLogging } from "./logging.ts";
import { summaries, withMetrics } from "./metrics.ts";
import { stringService } from "./service.ts";

const { listen } = readFlags({ listen: ":8080" });
const logger = logfmtLogger(process.stderr);
const registry = new Registry();
const metrics = prometheusMetrics({ registry, prefix: "my_group_string_service_", summaries });

const service = withMetrics(withLogging(stringService, logger), metrics);
// Its metrics are on every path that the service does not have, such as /metrics.
const handler = serveHttp(Strings, implement(Strings, service), { otherwise: prometheusHandler(registry) });

await serve(handler, listen, (addr) => logger.log({ msg: "HTTP", addr }));
