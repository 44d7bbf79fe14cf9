import { setTimeout as sleep } from "node:timers/promises";
import type { Hystrix } from "@kit/circuitbreaker-hystrix";
import type { Context } from "@kit/endpoint";
import { connectHttp } from "@kit/transport-http";
import { Booking } from "./booking/contract.ts";
import { Handling } from "./handling/contract.ts";
import { bad, faint, good, say, title } from "./say.ts";
import { Tracking } from "./tracking/contract.ts";

/** What a round plays with. */
export interface Stage {
  readonly url: string;
  readonly breaker: Hystrix;
  /** Of the routing service. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** What a step found, for the account; a step that went wrong throws. */
type Step = () => Promise<string>;

/**
 * The life of a cargo, and the death of the routing service, for whoever wants to see it before reading about it.
 *
 * @returns whether each step came out right.
 */
export async function playRound({ url, breaker, kill, restart }: Stage, ctx: Context): Promise<boolean> {
  await using booking = connectHttp(Booking, { url });
  await using tracking = connectHttp(Tracking, { url });
  await using handling = connectHttp(Handling, { url });

  const book = async (origin: string, destination: string): Promise<string> =>
    (await booking.book({ origin, destination, arrival_deadline: "2030-01-01T00:00:00Z" }, ctx)).tracking_id;
  const routesOf = async (id: string) => (await booking.requestRoutes({ id }, ctx)).routes;
  const assignFirst = async (id: string) => {
    const [route] = await routesOf(id);
    expect(route !== undefined, `no route for ${id}`);
    await booking.assignToRoute({ id, ...route }, ctx);
    return route.legs;
  };
  const track = async (id: string) => (await tracking.track({ id }, ctx)).cargo;
  let minute = 0;
  const handle = (id: string, event_type: string, location: string, voyage = ""): Promise<unknown> => {
    const completion_time = new Date(Date.UTC(2027, 0, 1, 0, (minute += 1))).toISOString();
    return handling.registerIncident({ completion_time, tracking_id: id, event_type, location, voyage }, ctx);
  };

  const steps: Record<string, Step> = {
    async "a cargo from booking to claim"() {
      const id = await book("CNHKG", "SESTO");
      const legs = await assignFirst(id);
      await handle(id, "Receive", "CNHKG");
      for (const { from, to, voyage_number: voyage } of legs) {
        const { next_expected_activity: next } = await track(id);
        expect(next.includes(`load cargo onto voyage ${voyage} in ${from}`), `before loading: ${next}`);
        await handle(id, "Load", from, voyage);
        const { status_text: status } = await track(id);
        expect(status === `Onboard voyage ${voyage}`, `after loading: ${status}`);
        await handle(id, "Unload", to, voyage);
      }
      const { next_expected_activity: next } = await track(id);
      expect(next === "Next expected activity is to claim cargo in SESTO.", `at the end: ${next}`);
      await handle(id, "Claim", "SESTO");
      const { status_text: status, events } = await track(id);
      expect(status === "Claimed" && events.every(({ expected }) => expected), `in the end ${status}`);
      return `${id} went ${["CNHKG", ...legs.map(({ to }) => to)].join(", ")} in ${events.length} events, all of them expected`;
    },

    async "a cargo that goes astray"() {
      const id = await book("CNHKG", "SESTO");
      await assignFirst(id);
      await handle(id, "Receive", "CNHKG");
      await handle(id, "Load", "CNHKG", "V100");
      const { events, next_expected_activity: next } = await track(id);
      const { description, expected } = events.at(-1)!;
      expect(!expected, "nobody noticed");
      expect(next === "There are currently no expected activities for this cargo.", `next: ${next}`);
      const page = await (await fetch(`${url}/metrics`, { signal: ctx.signal })).text();
      const counted = Number(/^shipping_misdirections_total (\d+)$/m.exec(page)?.[1]);
      expect(counted >= 1, "no misdirection in /metrics");
      return `"${description}" was not expected; the inspection told of ${counted}`;
    },

    async "a destination that changes"() {
      const id = await book("SESTO", "AUMEL");
      await assignFirst(id);
      await booking.changeDestination({ id, destination: "JNTKO" }, ctx);
      const { cargo: before } = await booking.load({ id }, ctx);
      expect(before.misrouted, "its route was not found wrong");
      await assignFirst(id);
      const { cargo: after } = await booking.load({ id }, ctx);
      expect(!after.misrouted && after.legs!.at(-1)!.to === "JNTKO", "its new route is wrong");
      return `${id} was misrouted, until it had a route to JNTKO`;
    },

    async "the routing service killed"() {
      await kill();
      const id = await book("AUMEL", "SESTO");
      let asked = 0;
      for (; breaker.state === "closed"; asked += 1) {
        const found = await routesOf(id);
        expect(found.length === 0, `${found.length} routes came from nowhere`);
      }
      const { cargo } = await booking.load({ id }, ctx);
      expect(!cargo.routed, "a route came from nowhere");
      return `${asked} times no routes, and no error; then the breaker is ${breaker.state}. Meanwhile ${id} was booked`;
    },

    async "the routing service back"() {
      await restart();
      let found = await routesOf("FTL456");
      while (found.length === 0) {
        await sleep(100, undefined, { signal: ctx.signal });
        found = await routesOf("FTL456");
      }
      return `the breaker is ${breaker.state}, and FTL456 has ${found.length} routes`;
    },

    async "what is refused"() {
      const refusals: string[] = [];
      for (const [path, body] of [
        ["/booking/v1/cargos/NONE", undefined],
        ["/booking/v1/cargos", '{"origin":"SESTO"}'],
        ["/booking/v1/cargos/FTL456/change_destination", '{"destination":"XXXXX"}'],
      ] as const) {
        const reply = await fetch(url + path, { ...(body && { method: "POST", body }), signal: ctx.signal });
        const { error } = (await reply.json()) as { error: string };
        refusals.push(`${reply.status} ${error}`);
      }
      const expected = "404 unknown cargo, 400 invalid argument, 400 unknown location";
      expect(refusals.join(", ") === expected, `got ${refusals.join(", ")}`);
      return expected;
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

function expect(truth: boolean, otherwise: string): asserts truth {
  if (!truth) throw new Error(otherwise);
}
