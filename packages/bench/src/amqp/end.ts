// A program: one end of one contender. Usage: node end.js <contender> <serve|call> <url of the broker>
import { answer } from "../child.ts";
import { type ContenderName, contenders } from "./contenders.ts";
import { inFlight, request } from "./sum.ts";

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

async function called(ms: number): Promise<Called> {
  const call = (await opened)!;
  const start = performance.now();
  let requests = 0;
  const keepCalling = async (): Promise<void> => {
    do {
      const { v } = await call(request);
      if (v !== 3) throw new Error(`not the answer: ${v}`);
      requests += 1;
    } while (performance.now() < start + ms);
  };
  await Promise.all(Array.from({ length: inFlight }, keepCalling));
  return { requests, tookMs: performance.now() - start };
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
