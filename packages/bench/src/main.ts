import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { fullPlan, type Plan, type Result, smokePlan } from "./bench.ts";
import { benches } from "./benches.ts";
import { childProcesses } from "./child.ts";
import { plot } from "./plot.ts";
import { machine, reported, table } from "./report.ts";

const allNames = Object.keys(benches);

const usage = `Usage: npm run bench -- [names...] [--smoke] [--json <file>] [--svg <file>]

  names    which to run, all if none: ${allNames.join(", ")}
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
  const unknown = names.filter((name) => !allNames.includes(name));
  if (values.help || unknown.length > 0) {
    console.log(usage);
    process.exitCode = unknown.length > 0 ? 2 : 0;
    return;
  }
  const results: Result[] = [];
  for (const name of allNames) {
    if (names.length > 0 && !names.includes(name)) continue;
    for (const result of await run(name, values.smoke ? smokePlan : fullPlan)) {
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

/** Each in a process of its own: what the peers of one leave on the heap slows the contenders of another, pino's lines by a half. */
async function run(name: string, plan: Plan): Promise<readonly Result[]> {
  await using children = childProcesses();
  return await children.start<Plan, readonly Result[]>(new URL("./run.js", import.meta.url), name).ask(plan);
}

/** npm sets INIT_CWD to where its user stands. */
function placed(file: string): string {
  return resolve(process.env["INIT_CWD"] ?? "", file);
}

void main();
