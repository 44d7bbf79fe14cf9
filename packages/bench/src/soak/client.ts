// A program: the whole chain's client, calling all the time. Usage: node client.js <place> <where its log goes>
import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { background, codeOf } from "@kit/endpoint";
import { backoff } from "@kit/sd";
import { destination, pino } from "pino";
import { answer } from "../child.ts";
import { collectGarbage } from "../collect-garbage.ts";
import { percentile } from "../statistics.ts";
import { connectSum } from "../whole-chain/kit/client.ts";

/** To begin calling; to stop, when all calls have ended; what was seen since it was last asked; to make so many calls as fast as they are answered. */
export type ClientQuestion = "begin" | "rest" | "look" | { readonly calls: number };

/** What became of the calls. */
interface Tally {
  readonly calls: number;
  readonly ok: number;
  readonly wrong: number;
  readonly failed: Readonly<Record<string, number>>;
}

/** What a call takes. */
export interface Pace {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
}

/** What the process holds when all garbage is gone. */
export interface Held {
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly handles: number;
  readonly files: number;
}

export type Look = Tally & Pace & Held;

/** Calls a second while it soaks: well below what one core can do, so that faults are what it waits for. */
const perSecond = 500;
const tickMs = 10;

/** How long a call may take with all its attempts. */
const callMs = 10_000;

/** How long one attempt may take: an instance that is silent for longer is taken for dead. */
const attemptMs = 1_000;
const retried: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded"]);
const pauseMs = backoff({ baseMs: 20, maxMs: 500 });

const [place, logPath] = process.argv.slice(2) as [string, string];
const connecting = connectSum({
  place,
  log: pino({ base: { node: "client" } }, destination({ dest: logPath, sync: false, minLength: 4_096 })),
  retry: {
    attempts: 10,
    timeoutMs: callMs,
    // What failed on one instance is tried on the next at once; what fails again had better wait until the list is mended.
    backoff: (attempt) => (attempt === 0 ? 0 : pauseMs(attempt)),
    retryable: (error) => retried.has(codeOf(error)),
  },
  attempt: (next) => (request, ctx) => next(request, ctx.withTimeout(attemptMs)),
});

let [calls, ok, wrong] = [0, 0, 0];
const underWay = new Set<Promise<void>>();
let failed: Record<string, number> = {};
let tookMs: number[] = [];
let cpu = process.cpuUsage();
let ticking: NodeJS.Timeout | undefined;

async function call(client: Awaited<typeof connecting>): Promise<void> {
  const [a, b] = [calls, Math.floor(Math.random() * 1_000)];
  const start = performance.now();
  calls += 1;
  try {
    const { v } = await client.sum({ a, b }, background);
    if (v === a + b) ok += 1;
    else wrong += 1;
  } catch (error) {
    const code = codeOf(error);
    failed[code] = (failed[code] ?? 0) + 1;
  }
  tookMs.push(performance.now() - start);
}

async function begin(): Promise<void> {
  const client = await connecting;
  const start = performance.now();
  let begun = 0;
  ticking = setInterval(() => {
    // What it is late with is made up for: who calls does not wait for who answers.
    for (; begun < ((performance.now() - start) * perSecond) / 1_000; begun += 1) {
      const one = call(client).finally(() => underWay.delete(one));
      underWay.add(one);
    }
  }, tickMs);
}

async function rest(): Promise<void> {
  clearInterval(ticking);
  // Not for ever: that one never ends is for the verdict to say.
  await Promise.race([Promise.all(underWay), pause(2 * callMs, undefined, { ref: false })]);
}

function takePace(count: number): Pace {
  const { user, system } = process.cpuUsage(cpu);
  const all = tookMs;
  tookMs = [];
  cpu = process.cpuUsage();
  return { p50Ms: percentile(all, 50), p99Ms: percentile(all, 99), cpuUs: (user + system) / count };
}

function look(): Look {
  const tally: Tally = { calls, ok, wrong, failed };
  const pace = takePace(calls);
  [calls, ok, wrong, failed] = [0, 0, 0, {}];
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  const held: Held = {
    heapBytes: heapUsed,
    rssBytes: rss,
    handles: process.getActiveResourcesInfo().length,
    files: openFiles(),
  };
  cpu = process.cpuUsage();
  return { ...tally, ...pace, ...held };
}

/** Sockets and all else that has a number. */
function openFiles(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}

/** By sixteen callers, each of which waits for its answer. */
async function callAtOnce(count: number): Promise<Pace> {
  const client = await connecting;
  takePace(1);
  let begun = 0;
  const keepCalling = async (): Promise<void> => {
    while (begun++ < count) await call(client);
  };
  await Promise.all(Array.from({ length: 16 }, keepCalling));
  return takePace(count);
}

answer(async (question: ClientQuestion) => {
  if (question === "look") return look();
  if (question === "begin") await begin();
  else if (question === "rest") await rest();
  else return callAtOnce(question.calls);
  return true;
});
