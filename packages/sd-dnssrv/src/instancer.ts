import dns from "node:dns";
import { setTimeout as delay } from "node:timers/promises";
import { type Code, type Context, KitError } from "@kit/endpoint";
import { type Instance, type Instancer, requireMs, watchInstancer } from "@kit/sd";
import { Packet } from "dns2";
import { ask } from "./ask.ts";
import type { Answer } from "./message.ts";
import { parseName } from "./name.ts";
import { type Found, maxAliases, readRecords } from "./records.ts";
import { parseServers } from "./servers.ts";

export interface DnssrvInstancerOptions {
  /** The full name of the SRV records, such as `_http._tcp.svc.example.com`. No search domain is added to it. */
  readonly name: string;
  /**
   * The IP addresses of resolvers or name servers, each with a port where that is not 53: `10.0.0.10`, `10.0.0.10:5353`, `[::1]:5353`. The one that answered last is
   * asked first, the next when it does not answer. @default what `dns.getServers()` says at each look: the system's
   */
  readonly servers?: readonly string[];
  /** The shortest wait between two looks, in ms, whatever the records' TTL. @default 1000, so that a TTL of 0 does no harm */
  readonly minTtlMs?: number;
  /** The longest wait between two looks, in ms, whatever the records' TTL. @default 300000, so that nobody's mistake lasts a day */
  readonly maxTtlMs?: number;
  /** Looks at this interval, in ms, whatever the records' TTL, as go-kit does. @default the TTL */
  readonly refreshMs?: number;
  /** How long one server may take to answer before the next is asked, in ms; the question is sent four times in it. @default 2000, which a healthy one never needs */
  readonly timeoutMs?: number;
}

/** A day, in ms; beyond, a DNS record is as good as configuration. */
const longestMs = 86_400_000;

/** Of the waits between two looks so much is added by chance: a fleet that looked at once does not for ever. */
const jitter = 0.1;

/** What servers say that do not say whether there are records. */
const failures: Partial<Record<number, readonly [name: string, code: Code]>> = {
  2: ["SERVFAIL", "unavailable"],
  5: ["REFUSED", "permission_denied"],
};

const [noError, noSuchName] = [0, 3];

/**
 * Looks up the SRV records of a name again and again, as often as their TTL says, and tells those of the lowest priority. DNS has no way to register, so there is
 * no registrar. A name that does not exist, or has no SRV records, has no instances.
 *
 * It keeps the process alive until it is closed.
 *
 * @throws {TypeError} when an option is wrong. Subscribers are told `unavailable`, `deadline_exceeded` or `permission_denied` (REFUSED).
 * @see go-kit sd/dnssrv/instancer.go
 */
export function dnssrvInstancer(options: DnssrvInstancerOptions): Instancer {
  const { servers: given, minTtlMs = 1_000, maxTtlMs = 300_000, refreshMs, timeoutMs = 2_000 } = options;
  const name = parseName("dnssrvInstancer: name", options.name);
  const places = given === undefined ? undefined : parseServers("dnssrvInstancer: servers", given);
  requireMs("dnssrvInstancer: minTtlMs", minTtlMs, 1, longestMs);
  requireMs("dnssrvInstancer: maxTtlMs", maxTtlMs, minTtlMs, longestMs);
  if (refreshMs !== undefined) requireMs("dnssrvInstancer: refreshMs", refreshMs, 1, longestMs);
  requireMs("dnssrvInstancer: timeoutMs", timeoutMs, 1, longestMs);
  /** How many servers have been found not to answer. */
  let passed = 0;

  return watchInstancer({
    async watch(update, ctx) {
      for (;;) {
        const { instances, ttl } = await look(ctx);
        update(instances);
        const waitMs = refreshMs ?? Math.min(Math.max(ttl * 1_000, minTtlMs), maxTtlMs);
        await delay(waitMs * (1 + jitter * Math.random()), undefined, { signal: ctx.signal });
      }
    },
  });

  async function look(ctx: Context): Promise<{ readonly instances: readonly Instance[]; readonly ttl: number }> {
    let asked = name;
    let least = Infinity;
    for (let aliases = 0; aliases <= maxAliases; aliases++) {
      const { instances, alias, ttl } = await askServers(asked, ctx);
      least = Math.min(least, ttl);
      if (alias === undefined) return { instances, ttl: least };
      asked = alias;
    }
    throw new KitError("unavailable", `more than ${maxAliases} aliases lead on from the name`);
  }

  /** @throws what the last server came to. */
  async function askServers(asked: string, ctx: Context): Promise<Found> {
    // By way of the module: its export by name does not notice `setServers`.
    const servers = places ?? parseServers("dns.getServers()", dns.getServers());
    for (let failed = 1; ; failed++) {
      try {
        const answer = await ask(servers[passed % servers.length]!, asked, timeoutMs, ctx);
        requireSaying(answer);
        return readRecords(answer, asked);
      } catch (error) {
        passed += 1;
        if (failed >= servers.length || ctx.cancelled !== undefined) throw error;
      }
    }
  }
}

/** @throws {KitError} unless the answer says what records there are. */
function requireSaying({ rcode, authoritative, answers, authorities }: Answer): void {
  if (rcode !== noError && rcode !== noSuchName) {
    const [name, code] = failures[rcode] ?? [`error ${rcode}`, "unavailable" as const];
    throw new KitError(code, `DNS answered ${name}`);
  }
  // Who answers nothing but whom else to ask leaves it open.
  const has = (wanted: number): boolean => authorities.some(({ type }) => type === wanted);
  if (rcode === noError && !authoritative && answers.length === 0 && has(Packet.TYPE.NS) && !has(Packet.TYPE.SOA)) {
    throw new KitError(
      "unavailable",
      "DNS answered with other servers to ask: it must be a resolver or the zone's own",
    );
  }
}
