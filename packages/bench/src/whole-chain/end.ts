// A program: one end of one contender. Usage: node end.js <contender> <serve|call> <place>
import { answer } from "../child.ts";
import { inFlight } from "../http/sum.ts";
import { type ContenderName, contenders } from "./contenders.ts";

// What a library does only for those who develop with it is not done here.
process.env["NODE_ENV"] = "production";

/** Whether it is up; how much CPU time it has used, in µs; or to call for so many ms. */
export type EndQuestion = "ready" | "cpu" | { readonly ms: number };

export interface Called {
  readonly requests: number;
  readonly tookMs: number;
}

const [name, end, place] = process.argv.slice(2) as [ContenderName, "serve" | "call", string];
const opened = open();

async function open() {
  const { serve, connect } = await contenders[name]();
  if (end === "call") return connect(place);
  await serve(place);
  return undefined;
}

async function called(ms: number): Promise<Called> {
  const call = (await opened)!;
  const start = performance.now();
  let requests = 0;
  const keepCalling = async (b: number): Promise<void> => {
    do {
      const a = requests++;
      const { v } = await call({ a, b });
      if (v !== a + b) throw new Error(`not the answer to ${a} + ${b}: ${v}`);
    } while (performance.now() < start + ms);
  };
  await Promise.all(Array.from({ length: inFlight }, (_, b) => keepCalling(b)));
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
