import { createHash } from "node:crypto";
import type { RedisClient } from "./redis-client.ts";

/**
 * A token bucket as one time: when the bucket will be full again. A call puts that off by what a token takes to come back, unless it is too far away already. By
 * Redis's own clock, as those of many machines differ. The key lives for as long as the bucket is not full. A time further away than the bucket takes to fill, which comes
 * of a clock that was set back or of other options before, is none.
 *
 * Answers how many tokens are taken, one more than there are for a refusal; and how many ms until the bucket is full, for a refusal until the next token.
 *
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local burst, tokenMs = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or now) or now
if full - now > burst * tokenMs + 1 then full = now end
local busy = math.max(full - now, 0)
local wait = busy - (burst - 1) * tokenMs
if wait > 0 then return {burst + 1, math.ceil(wait)} end
busy = busy + tokenMs
redis.call('SET', KEYS[1], string.format('%.3f', now + busy), 'PX', math.ceil(busy))
return {math.min(burst, math.ceil(busy / tokenMs)), math.ceil(busy)}
`;

const sha = createHash("sha1").update(script).digest("hex");

/** A client for the driver that runs the script, whatever it is asked to run: the two kinds of client have two ways to say it. */
export interface BucketClient {
  eval(theirs: string, call: { readonly keys: readonly string[] }): Promise<number[]>;
}

export function bucketClient(client: RedisClient, burst: number, tokenMs: number): BucketClient {
  const args = [String(burst), String(tokenMs)];
  const call = (key: string): { keys: string[]; arguments: string[] } => ({ keys: [key], arguments: args });
  const [bySha, whole] =
    "evalsha" in client
      ? [(key: string) => client.evalsha(sha, 1, key, ...args), (key: string) => client.eval(script, 1, key, ...args)]
      : [(key: string) => client.evalSha(sha, call(key)), (key: string) => client.eval(script, call(key))];
  return {
    async eval(_, { keys: [key = ""] }) {
      const reply = await bySha(key).catch((error: unknown) => {
        // A Redis that has just begun knows no scripts.
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return whole(key);
      });
      // A client may be set to hand out numbers as text.
      return [reply].flat().map(Number);
    },
  };
}
