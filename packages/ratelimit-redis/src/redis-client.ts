/** What is needed of an ioredis client or cluster. */
export interface IoredisClient {
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
}

/** What is needed of a node-redis client, pool or cluster. */
export interface NodeRedisClient {
  eval(script: string, options: NodeRedisScript): Promise<unknown>;
  evalSha(sha: string, options: NodeRedisScript): Promise<unknown>;
}

interface NodeRedisScript {
  readonly keys: string[];
  readonly arguments: string[];
}

export type RedisClient = IoredisClient | NodeRedisClient;
