// A program: one end of one contender. Usage: node end.js <contender> <serve|call> <url of the broker>
import { answer } from "../child.ts";
import { type ContenderName, contenders } from "./contenders.ts";
import { inFlight, request, type SumRequest, type SumResponse } from "./sum.ts";

/** Whether it is up; how much CPU time it has used, in µs; or to call for so many ms. */
export type EndQuestion = "ready" | "cpu" | { readonly ms: number };

export interface Called {
  readonly requests: number;
  readonly tookMs: number;
}

const [name, end, url] = process.argv.slice(2) as [ContenderName, "serve" | "call", string];
const opened = open();

async function open() {
  const { serve, connect } = await contenders[name]();
  if (end === "call") return connect(url);
  await serve(url);
  return undefined;
}

/** What the callers go by. */
let sample = { start: 0, ms: 0, requests: 0, over: (): void => undefined };
let callers = 0;

async function keepCalling(call: (request: SumRequest) => Promise<SumResponse>): Promise<void> {
  callers += 1;
  for (;;) {
    const { v } = await call(request);
    if (v !== 3) throw new Error(`not the answer: ${v}`);
    sample.requests += 1;
    const tookMs = performance.now() - sample.start;
    if (tookMs < sample.ms) continue;
    callers -= 1;
    // Who answers 20 calls a second would keep all others waiting for 3 s: what is under way after twice the time counts in the next sample.
    if (callers === 0 || tookMs >= 2 * sample.ms) sample.over();
    return;
  }
}

async function called(ms: number): Promise<Called> {
  const call = (await opened)!;
  await new Promise<void>((over) => {
    sample = { start: performance.now(), ms, requests: 0, over };
    while (callers < inFlight) void keepCalling(call);
  });
  return { requests: sample.requests, tookMs: performance.now() - sample.start };
}

answer(async (question: EndQuestion) => {
  if (question === "ready") {
    await opened;
    return true;
  }
  if (question === "cpu") {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
  return called(question.ms);
});
