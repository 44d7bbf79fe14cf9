import { background } from "@kit/endpoint";
import { balancedClient, roundRobin } from "@kit/lb";
import { firstInstances } from "@kit/sd";
import type { ClientOf } from "@kit/service";
import { connectHttp } from "@kit/transport-http";
import { Profiles } from "./contract.ts";
import { openRegistry } from "./registry.ts";

export { type Address, Profiles } from "./contract.ts";

/** All methods of profilesvc, each call on another instance. Dispose it to let go of them. */
export type ProfilesClient = ClientOf<typeof Profiles>;

export interface ProfilesClientOptions {
  /** The URL of a Consul agent, or the directory in which instances on this machine register. */
  readonly registry: string;
  /** The longest that all attempts at one call may take together, in ms. @default 500, as in go-kit's client */
  readonly timeoutMs?: number;
  /** Told what goes wrong beside the calls, as in discovery. @default nobody is told */
  readonly onError?: (error: unknown) => void;
}

/** How long to wait for the registry at first, in ms; without it calls wait for it, within their own time. */
const findMs = 5_000;

/**
 * A client of profilesvc that finds its instances. How it looks for them and how often it tries are the service's affair, so they are decided
 * here: passing instances in turn, and three attempts at a call, as far as it may be done twice.
 *
 * @see go-kit/examples profilesvc/client/client.go
 */
export async function profilesClient(options: ProfilesClientOptions): Promise<ProfilesClient> {
  const { registry: address, timeoutMs = 500, onError = () => {} } = options;
  const registry = await openRegistry(address, onError);
  const instances = registry.instancer();
  using ctx = background.withTimeout(findMs);
  await firstInstances(instances, ctx).catch(onError);
  const client = balancedClient(Profiles, {
    instances,
    connect: (instance) => connectHttp(Profiles, { url: `http://${instance.address}` }),
    balancer: roundRobin,
    retry: { attempts: 3, timeoutMs },
    onError,
  });
  const close = client[Symbol.asyncDispose];
  const all = async (): Promise<void> => {
    await close.call(client);
    await instances.close();
    await registry.close();
  };
  let closed: Promise<void> | undefined;
  return Object.assign(Object.create({ [Symbol.asyncDispose]: () => (closed ??= all()) }), client);
}
