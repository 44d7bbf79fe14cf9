import { answer } from "./child.ts";
import { cpuUs } from "./cpu-time.ts";

/** Whether it is up; how much CPU time it has used, in µs; or to call for so many ms, and at least so often. */
export type EndQuestion = "ready" | "cpu" | { readonly ms: number; readonly calls: number };

export interface Called {
  readonly requests: number;
  readonly tookMs: number;
}

/** One contender's two ends, and where they find each other. */
interface Ends<Call> {
  /** Resolves when it serves. */
  serve(where: string): Promise<void>;
  /** Resolves when it can be called. */
  connect(where: string): Promise<Call>;
}

/** What the callers go by. */
let sample = { start: 0, ms: 0, calls: 0, requests: 0, over: (): void => undefined };
let callers = 0;

/**
 * Makes a program of one end of one contender, whose arguments are `<contender> <serve|call> <where>`.
 *
 * @param once - makes one call, and throws when the answer is not the right one.
 */
export function answerAsEnd<Call>(
  contenders: Readonly<Record<string, () => Promise<Ends<Call>>>>,
  inFlight: number,
  once: (call: Call) => Promise<void>,
): void {
  const [name, end, where] = process.argv.slice(2) as [string, "serve" | "call", string];

  async function open(): Promise<Call | undefined> {
    const { serve, connect } = await contenders[name]!();
    if (end === "call") return connect(where);
    await serve(where);
    return undefined;
  }

  async function keepCalling(call: Call): Promise<void> {
    callers += 1;
    for (;;) {
      await once(call);
      sample.requests += 1;
      const tookMs = performance.now() - sample.start;
      if (tookMs < sample.ms || sample.requests < sample.calls) continue;
      callers -= 1;
      // Who answers 20 calls a second would keep all others waiting for 3 s: what is under way after twice the time counts in the next sample.
      if (callers === 0 || tookMs >= 2 * sample.ms) sample.over();
      return;
    }
  }

  async function called(call: Call, ms: number, calls: number): Promise<Called> {
    await new Promise<void>((over) => {
      sample = { start: performance.now(), ms, calls, requests: 0, over };
      while (callers < inFlight) void keepCalling(call);
    });
    return { requests: sample.requests, tookMs: performance.now() - sample.start };
  }

  const opened = open();
  answer(async (question: EndQuestion) => {
    if (question === "cpu") return cpuUs();
    const call = await opened;
    return question === "ready" ? true : called(call!, question.ms, question.calls);
  });
}
