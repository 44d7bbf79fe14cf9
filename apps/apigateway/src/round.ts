import type { BackendName } from "./backend.ts";
import type { Context } from "@kit/endpoint";
import type { GatewayState } from "./debug.ts";
import type { Fleet } from "./fleet.ts";
import { bad, faint, good, say, title } from "./say.ts";

/** What a round plays with. */
export interface Stage {
  readonly url: string;
  readonly debugUrl: string;
  readonly fleet: Fleet;
  /** Calls at once for each caller. */
  readonly limit: number;
  readonly tokenOf: (subject: string) => Promise<string>;
  /** Resolves when so many instances are found. */
  readonly found: (service: BackendName, count: number) => Promise<void>;
}

/** What a step found, for the account; a step that went wrong throws. */
type Step = () => Promise<string>;

/** How many calls go on while an instance dies. */
const calls = 1_000;
const inFlight = 16;

/**
 * A round through what a gateway is for, for whoever wants to see it before reading about it.
 *
 * @returns whether each step came out right.
 */
export async function playRound(stage: Stage, ctx: Context): Promise<boolean> {
  const { url, debugUrl, fleet, limit, tokenOf, found } = stage;
  const ada = await tokenOf("ada");

  const post = (path: string, body: object, token = ada, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { ...headers, ...(token !== "" && { authorization: `Bearer ${token}` }) },
      signal: ctx.signal,
    });
  const state = async (): Promise<GatewayState> =>
    (await (await fetch(`${debugUrl}/debug/state`, { signal: ctx.signal })).json()) as GatewayState;

  /** As many calls as asked for, each caller within its limit. */
  const load = async (count: number, call: (token: string, i: number) => Promise<void>): Promise<void> => {
    const tokens = await Promise.all(
      Array.from({ length: Math.ceil(count / limit) }, (_, i) => tokenOf(`caller-${i}-of-${count}`)),
    );
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const i = next;
        next += 1;
        await call(tokens[Math.floor(i / limit)]!, i);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  };

  const steps: Record<string, Step> = {
    async "the four routes"() {
      const replies = [
        await post("/addsvc/sum", { a: 1, b: 2 }),
        await post("/addsvc/concat", { a: "1", b: "2" }),
        await post("/stringsvc/uppercase", { s: "hello, world" }),
        await post("/stringsvc/count", { s: "hello, world" }),
      ];
      const texts = await Promise.all(replies.map((reply) => reply.text()));
      const account = texts.join(" ");
      expect(account === '{"v":3} {"v":"12"} {"v":"HELLO, WORLD"} {"v":12}', `answered ${account}`);
      return account;
    },

    async "who may not"() {
      const [header, claims] = ada.split(".");
      const forged = `${header}.${claims}.${"A".repeat(43)}`;
      for (const token of ["", "nonsense", forged]) {
        const reply = await post("/addsvc/sum", { a: 1, b: 2 }, token);
        expect(reply.status === 401, `answered ${reply.status} to ${token || "nobody"}`);
        expect((await errorIn(reply)) === "JWT was invalid", "said too much");
      }
      return "401 without a token, with nonsense and with a forged one: JWT was invalid";
    },

    async "what the services refuse"() {
      const zeroes = await post("/addsvc/sum", { a: 0, b: 0 });
      expect(zeroes.status === 400, `answered ${zeroes.status}`);
      const empty = await (await post("/stringsvc/uppercase", { s: "" })).text();
      expect(empty === '{"v":"","err":"empty string"}', `answered ${empty}`);
      return `400 ${await errorIn(zeroes)}; 200 ${empty}`;
    },

    async "a trace"() {
      const reply = await post("/addsvc/sum", { a: 20, b: 22 });
      await reply.arrayBuffer();
      const id = reply.headers.get("trace-id");
      const trace = (await state()).traces.find(({ traceId }) => traceId === id);
      const [own, attempt] = trace?.spans ?? [];
      expect(own?.name === "addsvc/sum" && own.caller === "ada", `the first span is ${own?.name} of ${own?.caller}`);
      expect(attempt?.kind === "client" && attempt.instance !== undefined, "it does not say who was called");
      return `${id}: ${own.caller} had ${own.name} done in ${own.tookMs.toFixed(1)} ms, of which ${attempt.tookMs.toFixed(1)} at ${attempt.instance}`;
    },

    async "a trace that began elsewhere"() {
      const id = "0af7651916cd43dd8448eb211c80319c";
      const traceparent = `00-${id}-b7ad6b7169203331-01`;
      const reply = await post("/stringsvc/count", { s: "x" }, ada, { traceparent });
      await reply.arrayBuffer();
      expect(reply.headers.get("trace-id") === id, `it went on as ${reply.headers.get("trace-id")}`);
      return `${id} goes on`;
    },

    async "an instance killed, another started"() {
      const victim = fleet.members.find(({ service }) => service === "addsvc")!;
      const others = new Set(fleet.members.map(({ address }) => address));
      let newcomer: ReturnType<Fleet["add"]> | undefined;
      await load(calls, async (token, i) => {
        if (i === calls / 4) {
          victim.kill();
          newcomer = fleet.add("addsvc");
        }
        const reply = await post("/addsvc/sum", { a: i, b: 1 }, token);
        const text = await reply.text();
        expect(text === JSON.stringify({ v: i + 1 }), `${i} + 1 came back as ${reply.status} ${text}`);
      });
      const { name, address } = await newcomer!;
      await found("addsvc", 2);
      while (!(await state()).instances["addsvc"]!.includes(address)) ctx.signal.throwIfAborted();
      expect(!others.has(address), "it is not new");
      return `${calls} calls meanwhile, none lost; ${victim.name} is gone, ${name} is found`;
    },

    async "a limit for each caller"() {
      const [greedy, modest] = [await tokenOf("greedy"), await tokenOf("modest")];
      // So many that the bucket cannot refill in the time that a slow machine takes for them.
      const replies = await Promise.all(
        Array.from({ length: limit * 10 }, () => post("/stringsvc/count", { s: "x" }, greedy)),
      );
      const other = await post("/stringsvc/count", { s: "x" }, modest);
      await Promise.all([...replies, other].map((reply) => reply.arrayBuffer()));
      const served = replies.filter(({ status }) => status === 200).length;
      const refused = replies.filter(({ status }) => status === 429);
      expect(served >= limit && refused.length > 0, `${served} served, ${refused.length} refused`);
      expect(served + refused.length === replies.length, "some were neither served nor refused");
      expect(other.status === 200, `the other got ${other.status}`);
      return `of ${replies.length} at once, greedy had ${served} served, the rest got 429 with retry-after ${refused[0]!.headers.get("retry-after")} s; modest was served`;
    },

    async "a deadline that has passed"() {
      const late = await post("/addsvc/sum", { a: 1, b: 2 }, ada, { "connect-timeout-ms": "0" });
      expect(late.status === 504, `answered ${late.status}`);
      return `504 ${await errorIn(late)}`;
    },

    async "what was measured"() {
      const page = await (await fetch(`${debugUrl}/metrics`, { signal: ctx.signal })).text();
      const lines = page.split("\n").filter((line) => line.startsWith("apigateway_request_duration_seconds_count"));
      const total = lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
      expect(total > calls, `only ${total} calls in /metrics`);
      return `${total} calls in /metrics, under ${lines.length} outcomes`;
    },
  };

  let right = true;
  for (const [name, step] of Object.entries(steps)) {
    const start = performance.now();
    try {
      const result = await step();
      say(`${good("✓")} ${title(name)} ${faint(`${Math.round(performance.now() - start)} ms`)}\n  ${result}`);
    } catch (error) {
      right = false;
      say(`${bad("✗")} ${title(name)}\n  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  say();
  say(right ? good("Everything came out right.") : bad("Not everything came out right."));
  return right;
}

async function errorIn(reply: Response): Promise<string> {
  return ((await reply.json()) as { error: string }).error;
}

function expect(truth: boolean, otherwise: string): asserts truth {
  if (!truth) throw new Error(otherwise);
}
