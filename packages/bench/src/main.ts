import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { fullPlan, type Plan, type Result, smokePlan } from "./bench.ts";
import { benches, long } from "./benches.ts";
import { childProcesses } from "./child.ts";
import { plot } from "./plot.ts";
import { isMet, machine, reported, table } from "./report.ts";
import type { Ran } from "./run.ts";

const allNames = Object.keys(benches);

const usage = `Usage: npm run bench -- [names...] [--smoke] [--minutes <n>] [--json <file>] [--svg <file>]

  names      which to run, all but soak if none: ${allNames.join(", ")}
  --smoke    runs everything briefly, soak too, and claims nothing about time
  --minutes  how long the soak goes on, ${fullPlan.minutes} if not said
  --json     writes the figures to that file
  --svg      draws them into that file
`;

async function main(): Promise<void> {
  const { values, positionals: names } = parseArgs({
    allowPositionals: true,
    options: {
      smoke: { type: "boolean", default: false },
      minutes: { type: "string", default: String(fullPlan.minutes) },
      json: { type: "string" },
      svg: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const unknown = names.filter((name) => !allNames.includes(name));
  const minutes = Number(values.minutes);
  const isWrong = unknown.length > 0 || !(Number.isInteger(minutes) && minutes > 0);
  if (values.help || isWrong) {
    console.log(usage);
    process.exitCode = isWrong ? 2 : 0;
    return;
  }
  const plan = values.smoke ? smokePlan : { ...fullPlan, minutes };
  const results: Result[] = [];
  for (const name of allNames) {
    const isWanted = names.length > 0 ? names.includes(name) : values.smoke || !long.has(name);
    if (!isWanted) continue;
    for await (const result of run(name, plan)) {
      results.push(result);
      if (!values.smoke) console.log(table(reported(result)));
    }
  }
  const report = { machine: machine(), results: results.map(reported) };
  if (values.json !== undefined) await writeFile(placed(values.json), `${JSON.stringify(report, undefined, 2)}\n`);
  if (values.svg !== undefined) await writeFile(placed(values.svg), plot(report.results));
  if (values.smoke) console.log(`${results.length} benchmarks ran.`);
  else if (!report.results.every(isMet)) process.exitCode = 1;
}

/** What has been said to be left out: it is in each process that would measure it. */
const said = new Set<string>();

function say(lines: readonly string[]): void {
  for (const line of lines) {
    if (!said.has(line)) console.error(line);
    said.add(line);
  }
}

async function* run(name: string, plan: Plan): AsyncIterable<Result> {
  const starts = long.has(name) ? 1 : plan.starts;
  for (let at = 0, more = true; more; at += 1) {
    const runs: (readonly Result[])[] = [];
    for (let start = 0; start < starts; start += 1) {
      await using children = childProcesses();
      const child = children.start<Plan, Ran>(new URL("./run.js", import.meta.url), name, String(at));
      const ran = await child.ask(plan);
      runs.push(ran.results);
      say(ran.leftOut);
      more = ran.more;
    }
    yield* runs[0]!.map((_, nth) => joined(runs.map((results) => results[nth]!)));
  }
}

/** One result of those of several starts. */
function joined(results: readonly Result[]): Result {
  const [{ costs, ...rest }] = results as [Result];
  const names = Object.keys(costs);
  return {
    ...rest,
    costs: Object.fromEntries(names.map((name) => [name, results.flatMap((each) => each.costs[name]!)])),
  };
}

/** npm sets INIT_CWD to where its user stands. */
function placed(file: string): string {
  return resolve(process.env["INIT_CWD"] ?? "", file);
}

void main();
