import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Bench, Plan, Result } from "../bench.ts";
import { publishedEntries } from "../entries.ts";
import { type Sample, sample, type Sampled } from "../sampling.ts";

const here = fileURLToPath(new URL("../..", import.meta.url));
const nothing = "an empty package";
const core = "@kit/endpoint";

/** What a user might take for a part of what @kit does. */
const peers = [
  "koa-compose",
  "@middy/core",
  "cockatiel",
  "opossum",
  "effect",
  "hono",
  "express",
  "fastify",
  "@trpc/server",
  "@connectrpc/connect-node",
  "@nestjs/microservices",
  "moleculer",
  "undici",
  "prom-client",
  "pino",
];

/** Runs in a process of its own. What is imported may print, and may leave something running. */
const program = `
const cpu = process.cpuUsage();
const start = performance.now();
await import(process.argv[1]);
const tookMs = performance.now() - start;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write("\\n" + JSON.stringify({ requests: 1, tookMs, cpuUs: user + system }), () => process.exit());
`;

const run = promisify(execFile);

/** Imports it as a module in that folder would. */
function imported(specifier: string, folder: string): Sampled {
  return async () => {
    const args = ["--input-type=module", "--eval", program, specifier];
    const { stdout } = await run(process.execPath, args, { cwd: folder });
    return JSON.parse(stdout.slice(stdout.lastIndexOf("\n"))) as Sample;
  };
}

/** Each sample is a new process, so there is nothing to warm. */
const cold = (plan: Plan): Plan => ({ ...plan, warmUpMs: 0 });

async function besidePeers(plan: Plan): Promise<readonly Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "kit-bench-"));
  const place = join(folder, "node_modules", "nothing");
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "package.json"), JSON.stringify({ name: "nothing", exports: "./index.mjs" }));
  await writeFile(join(place, "index.mjs"), "");
  const contenders: Record<string, Sampled> = {
    [nothing]: imported("nothing", folder),
    [core]: imported(core, here),
    ...Object.fromEntries(peers.map((peer) => [peer, imported(peer, here)])),
  };
  const { time, cpu } = await sample(contenders, cold(plan));
  await rm(folder, { recursive: true });
  const claims = [{ ours: core, over: nothing, below: 3e6 }];
  return [
    { title: "import of the core and of peers: time", costs: time, claims },
    { title: "import of the core and of peers: CPU time", costs: cpu, claims },
  ];
}

/** Few rounds, since they are many. None when in short: a test of packages/tooling imports them all. */
async function allPackages(plan: Plan): Promise<readonly Result[]> {
  const fewer: Plan = { ...cold(plan), rounds: Math.floor(plan.rounds / 4) };
  if (fewer.rounds === 0) return [];
  const alone: Record<string, Sampled> = {};
  const around: Record<string, Sampled> = {};
  const drivers: Record<string, Sampled> = {};
  for (const entry of publishedEntries()) {
    const group = entry.drivers.length === 0 ? alone : around;
    group[entry.specifier] = imported(entry.specifier, entry.folder);
    for (const driver of entry.drivers) drivers[driver] ??= imported(driver, entry.folder);
  }
  const withoutDriver = await sample(alone, fewer);
  const besideDrivers = await sample({ ...around, ...drivers }, fewer);
  return [
    {
      title: "import of each package whose manifest names no driver: CPU time",
      costs: withoutDriver.cpu,
      claims: [],
      ours: Object.keys(alone),
    },
    {
      title: "import of each other package, and of each driver alone: CPU time",
      costs: besideDrivers.cpu,
      claims: [],
      ours: Object.keys(around),
    },
  ];
}

/** What an import costs a process that has imported nothing yet. */
export const bench: Bench = [besidePeers, allPackages];
