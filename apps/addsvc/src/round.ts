import { background, type Context } from "@kit/endpoint";
import { connectHttp } from "@kit/transport-http";
import { callOnce } from "./addcli.ts";
import { Add } from "./contract.ts";
import { injectTrace, withSpan } from "@kit/tracing-otel";
import type { Fleet } from "./fleet.ts";
import type { Gateway } from "./gateway.ts";
import { routeOf } from "./traces.ts";
import { startTracing, tracedClient } from "./tracing.ts";
import { bad, faint, good, say, title } from "./say.ts";

/** How many calls go on while an instance dies and another comes up. */
const calls = 10_000;
const inFlight = 32;

/** What a step found, for the account; a step that went wrong throws. */
type Step = () => Promise<string>;

/**
 * A round through all that can happen to a service, for whoever wants to see it before reading about it.
 *
 * @param concatLimit - how many calls of concat the gateway takes at once.
 * @returns whether each step came out right.
 */
export async function playRound(gateway: Gateway, fleet: Fleet, concatLimit: number, ctx: Context): Promise<boolean> {
  const url = gateway.wires[0]!.address;
  await using client = connectHttp(Add, { url });

  const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { method: "POST", body, headers, signal: ctx.signal });

  const steps: Record<string, Step> = {
    async "a call"() {
      const sum = await (await post("/sum", '{"a":1,"b":2}')).text();
      const concat = await (await post("/concat", '{"a":"1","b":"2"}')).text();
      expect(sum.trim() === '{"v":3}', `POST /sum answered ${sum}`);
      expect(concat.trim() === '{"v":"12"}', `POST /concat answered ${concat}`);
      return `1 + 2 = ${JSON.parse(sum).v}, "1" + "2" = ${JSON.stringify(JSON.parse(concat).v)}`;
    },

    async "a call as Go sends it"() {
      const sum = await (await post("/sum", '{"A":20,"B":22}\n')).text();
      expect(sum.trim() === '{"v":42}', `POST /sum answered ${sum}`);
      return `{"A":20,"B":22} is understood`;
    },

    async "every wire"() {
      const names: string[] = [];
      for (const { name, address } of gateway.wires) {
        const flag = name === "nats" || name === "amqp" ? `--${name}-url` : `--${name}-addr`;
        const sum = await callOnce([flag, address, "20", "22"]);
        const concat = await callOnce([flag, address, "--method", "concat", "1", "2"]);
        expect(sum === "20 + 22 = 42" && concat === '"1" + "2" = "12"', `${name} answered ${sum}, ${concat}`);
        names.push(name);
      }
      return `the same over ${names.join(", ")}`;
    },

    async balancing() {
      const before = new Map(gateway.callsByInstance);
      await Promise.all(Array.from({ length: 300 }, (_, i) => client.sum({ a: i, b: 1 }, ctx)));
      const spread = fleet.members.map(
        ({ address }) => (gateway.callsByInstance.get(address) ?? 0) - (before.get(address) ?? 0),
      );
      expect(Math.max(...spread) - Math.min(...spread) <= 1, `spread ${spread.join(", ")}`);
      return `300 calls went ${spread.join(", ")} to the ${spread.length} instances`;
    },

    async "an instance killed, another started"() {
      const [victim] = fleet.members;
      let done = 0;
      let newcomer: Promise<string> | undefined;
      const change = async (): Promise<string> => {
        victim!.kill();
        return (await fleet.add()).address;
      };
      const worker = async (): Promise<void> => {
        while (done < calls) {
          const a = (done += 1);
          if (a === calls / 5) newcomer = change();
          const { v } = await client.sum({ a, b: 1 }, ctx);
          expect(v === a + 1, `${a} + 1 came back as ${v}`);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, worker));
      const address = await newcomer!;
      while (!gateway.callsByInstance.has(address)) await client.sum({ a: 1, b: 1 }, ctx);
      return `${calls} calls meanwhile, none lost; ${victim!.name} is gone, ${fleet.members.at(-1)!.name} answers`;
    },

    async "a bad request"() {
      const wrong = await post("/sum", '{"a":"one","b":2}');
      const broken = await post("/sum", '{"a":');
      const zeroes = await post("/sum", '{"a":0,"b":0}');
      for (const { status } of [wrong, broken, zeroes]) expect(status === 400, `answered ${status}`);
      return `400 each: ${await errorIn(wrong)}; ${await errorIn(broken)}; ${await errorIn(zeroes)}`;
    },

    async "a path that is not there"() {
      const nowhere = await post("/divide", "{}");
      expect(nowhere.status === 404, `answered ${nowhere.status}`);
      return `404: ${await errorIn(nowhere)}`;
    },

    async "a deadline that has passed"() {
      const late = await post("/sum", '{"a":1,"b":2}', { "connect-timeout-ms": "0" });
      expect(late.status === 504, `answered ${late.status}`);
      const error = await client.sum({ a: 1, b: 2 }, background.withDeadline(Date.now() - 1)).catch((caught) => caught);
      expect(error.code === "deadline_exceeded", `our client said ${error.code}`);
      return `504: ${await errorIn(late)}; our client does not even send`;
    },

    async "the limit"() {
      // So many that the bucket cannot refill in the time that a slow machine takes for them.
      const asked = concatLimit * 10;
      const replies = await Promise.all(Array.from({ length: asked }, () => post("/concat", '{"a":"x","b":"y"}')));
      const refused = replies.filter(({ status }) => status === 429);
      const served = replies.filter(({ status }) => status === 200);
      await Promise.all(replies.map((reply) => reply.arrayBuffer()));
      expect(refused.length > 0 && served.length > 0, `${served.length} served, ${refused.length} refused`);
      expect(refused.length + served.length === asked, "some were neither served nor refused");
      return `${asked} at once: ${served.length} served, ${refused.length} got 429 with retry-after ${refused[0]!.headers.get("retry-after")} s`;
    },

    async "one trace"() {
      const caller = startTracing("caller", () => `http://${gateway.debugAddress()}/v1/traces`);
      await using traced = tracedClient(caller, Add, "http", connectHttp(Add, { url, before: [injectTrace()] }));
      const root = caller.tracer.startSpan("the round");
      await traced.sum({ a: 40, b: 2 }, withSpan(ctx, root));
      root.end();
      await caller.close();
      // The root, and a client's and a server's span for each of three hops.
      using patience = ctx.withTimeout(10_000);
      const trace = await gateway.traces.complete(root.spanContext().traceId, 7, patience);
      const route = routeOf(trace);
      expect(route.length === 4, `it went ${route.join(" -> ")}`);
      return `${trace.id.slice(0, 8)}… has ${trace.spans.length} spans: ${route.join(" -> ")}`;
    },

    async "what was measured"() {
      const page = await (await fetch(`http://${gateway.debugAddress()}/metrics`)).text();
      const lines = page.split("\n").filter((line) => line.startsWith("example_addsvc_request_duration_seconds_count"));
      const total = lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
      expect(total > calls, `only ${total} calls in /metrics`);
      return `${total} calls in /metrics, under ${lines.length} outcomes`;
    },
  };

  let right = true;
  for (const [name, step] of Object.entries(steps)) {
    const start = performance.now();
    try {
      const found = await step();
      say(`${good("✓")} ${title(name)} ${faint(`${Math.round(performance.now() - start)} ms`)}\n  ${found}`);
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

function expect(truth: boolean, otherwise: string): void {
  if (!truth) throw new Error(otherwise);
}
