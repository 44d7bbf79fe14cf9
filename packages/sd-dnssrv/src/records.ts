import { KitError } from "@kit/endpoint";
import type { Instance } from "@kit/sd";
import { Packet, type Resource } from "dns2";
import type { Answer } from "./message.ts";

/** What an answer says of a name. */
export interface Found {
  readonly instances: readonly Instance[];
  /** The name whose records are meant, when it is an alias of one that the answer has nothing of. */
  readonly alias: string | undefined;
  /** How long that may be believed, in seconds. */
  readonly ttl: number;
}

interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** More aliases in a row than anybody has on purpose; they may go in a circle. */
export const maxAliases = 8;

/**
 * Follows the aliases of `name` in an answer to its records.
 *
 * @throws {KitError} `unavailable` when a record of the name makes no sense.
 */
export function readRecords({ rcode, answers, authorities }: Answer, name: string): Found {
  let ttl = Infinity;
  const of = (owner: string, type: number): readonly Resource[] =>
    answers.filter(
      (record) => record.type === type && record.class === Packet.CLASS.IN && lower(record.name) === owner,
    );
  let owner = name;
  let isAlias = false;
  for (let aliases = 0; aliases < maxAliases; aliases++) {
    const [alias] = of(owner, Packet.TYPE.CNAME);
    if (alias === undefined) break;
    isAlias = true;
    owner = lower(alias.domain!);
    ttl = Math.min(ttl, alias.ttl);
  }
  const records = of(owner, Packet.TYPE.SRV);
  if (records.length > 0) {
    for (const record of records) ttl = Math.min(ttl, record.ttl);
    return { instances: instancesOf(records as readonly (Resource & SrvRecord)[]), alias: undefined, ttl };
  }
  if (isAlias && rcode === 0) return { instances: [], alias: owner, ttl };
  // How long an absence lasts, the zone's own record says; without one it is not to be kept at all (RFC 2308, 5).
  const soa = authorities.find((record) => record.type === Packet.TYPE.SOA);
  return { instances: [], alias: undefined, ttl: Math.min(ttl, soa?.ttl ?? 0, soa?.minimum ?? 0) };
}

/** Those of the lowest priority there is, each with its weight. */
function instancesOf(records: readonly SrvRecord[]): readonly Instance[] {
  let lowest = Infinity;
  let weights = new Map<string, number>();
  for (const { priority, weight, port, target } of records) {
    // The root stands for "decidedly not available" (RFC 2782).
    if (target === "") continue;
    const address = addressOf(target, port);
    if (priority < lowest) {
      lowest = priority;
      weights = new Map();
    }
    // Records of one address share it between them, whatever order they come in.
    if (priority === lowest) weights.set(address, (weights.get(address) ?? 0) + weight);
  }
  // Among others, those of weight 0 get the draw of 1 that RFC 2782 leaves them, together.
  let zeros = 0;
  for (const weight of weights.values()) if (weight === 0) zeros += 1;
  const least = zeros === weights.size ? 1 : 1 / zeros;
  return Array.from(weights, ([address, weight]) => {
    const share = weight === 0 ? least : weight;
    return share === 1 ? { address } : { address, weight: share };
  });
}

function addressOf(target: string, port: number): string {
  // A label can be any bytes, and an address ends up in URLs.
  if (!/^[\w-]+(\.[\w-]+)*$/.test(target)) throw senseless("a target that is no host name");
  if (port === 0) throw senseless("port 0");
  return `${lower(target)}:${port}`;
}

function senseless(what: string): KitError {
  return new KitError("unavailable", `DNS answered with an SRV record with ${what}`);
}

const lower = (name: string): string => name.toLowerCase();
