export { type Balancer, noEndpoints } from "./balancer.ts";
export { random, type RandomOptions } from "./random.ts";
export { roundRobin } from "./round-robin.ts";
export { retry, type RetryOptions, type RetryVerdict } from "./retry.ts";
export { isRetryError, type RetryError } from "./retry-error.ts";
export { attempt } from "./attempt.ts";
export { balancedClient, type BalancedClientOptions } from "./balanced-client.ts";
