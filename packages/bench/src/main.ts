import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { type Bench, fullPlan, type Result, smokePlan } from "./bench.ts";
import { amqpBench } from "./benches/amqp.ts";
import { breakerBench } from "./benches/breaker.ts";
import { chainBench } from "./benches/chain.ts";
import { contextBench } from "./benches/context.ts";
import { discoveryBench } from "./benches/discovery.ts";
import { grpcBench } from "./benches/grpc.ts";
import { httpClientBench } from "./benches/http-client.ts";
import { httpServerBench, jsonrpcBench } from "./benches/http-server.ts";
import { limiterBench } from "./benches/limiter.ts";
import { logBench } from "./benches/log.ts";
import { metricsBench } from "./benches/metrics.ts";
import { natsBench } from "./benches/nats.ts";
import { pickBench } from "./benches/pick.ts";
import { thriftBench } from "./benches/thrift.ts";
import { wholeChainBench } from "./benches/whole-chain.ts";
import { plot } from "./plot.ts";
import { machine, reported, table } from "./report.ts";

const benches: readonly Bench[] = [
  chainBench,
  contextBench,
  pickBench,
  breakerBench,
  discoveryBench,
  limiterBench,
  logBench,
  metricsBench,
  httpServerBench,
  httpClientBench,
  jsonrpcBench,
  grpcBench,
  natsBench,
  amqpBench,
  thriftBench,
  wholeChainBench,
];

const usage = `Usage: npm run bench -- [names...] [--smoke] [--json <file>] [--svg <file>]

  names    which to run, all if none: ${benches.map(({ name }) => name).join(", ")}
  --smoke  runs everything briefly and claims nothing about time
  --json   writes the figures to that file
  --svg    draws them into that file
`;

async function main(): Promise<void> {
  const { values, positionals: names } = parseArgs({
    allowPositionals: true,
    options: {
      smoke: { type: "boolean", default: false },
      json: { type: "string" },
      svg: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
  if (values.help || unknown.length > 0) {
    console.log(usage);
    process.exitCode = unknown.length > 0 ? 2 : 0;
    return;
  }
  const results: Result[] = [];
  for (const bench of benches) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    for (const result of await bench.run(values.smoke ? smokePlan : fullPlan)) {
      results.push(result);
      if (!values.smoke) console.log(table(reported(result)));
    }
  }
  const report = { machine: machine(), results: results.map(reported) };
  if (values.json !== undefined) await writeFile(placed(values.json), `${JSON.stringify(report, undefined, 2)}\n`);
  if (values.svg !== undefined) await writeFile(placed(values.svg), plot(report.results));
  if (values.smoke) console.log(`${results.length} benchmarks ran.`);
  else if (report.results.some(({ claims }) => claims.some(({ met }) => !met))) process.exitCode = 1;
}

/** npm sets INIT_CWD to where its user stands. */
function placed(file: string): string {
  return resolve(process.env["INIT_CWD"] ?? "", file);
}

void main();
