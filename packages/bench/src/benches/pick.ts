import { roundRobin } from "@kit/lb";
import { endpointer, fixedInstancer, type Instance } from "@kit/sd";
import { ServiceBroker } from "moleculer";

import type { Bench, Claim, Measure } from "../bench.ts";
import { goPrograms } from "../go/programs.ts";
import { type Contender, cpuMs, type Elsewhere, interleave } from "../interleave.ts";

/** Of so many is picked. */
const sizes = [3, 100, 10_000] as const;
type Size = (typeof sizes)[number];

// Each pick is put here, or the engine would not even make it.
const handed: { picked: object | undefined } = { picked: undefined };

const action = "sum.sum";

/** Moleculer's, that has heard of so many nodes with an action. */
function brokerOf(size: Size): ServiceBroker {
  const broker = new ServiceBroker({ logger: false, nodeID: "caller" });
  const { nodes, actions } = broker.registry;
  for (let i = 0; i < size; i += 1) {
    const node = nodes.processNodeInfo({ sender: `node-${i}`, seq: 1, ipList: ["10.0.0.0"], client: {}, services: [] });
    // Not by way of the node's services, which takes it some seconds for the largest.
    actions.add(node, { name: "sum" }, { name: action });
  }
  if (actions.get(action)?.endpoints.length !== size) throw new Error(`Moleculer knows not all of ${size} nodes`);
  return broker;
}

/** What `broker.call` does first: those that are available are told from the rest each time. */
function picking(broker: ServiceBroker): Contender {
  return (count) => {
    for (let i = 0; i < count; i += 1) handed.picked = broker.findNextActionEndpoint(action);
  };
}

/** What picks of those as well. */
type Others = (instances: readonly Instance[]) => Readonly<Record<string, Contender | Elsewhere>>;

function comparing(title: string, size: Size, others: Others, claims: readonly Claim[]): Measure {
  return async (plan) => {
    const instances = Array.from({ length: size }, (_, index) => ({ address: `10.0.0.0:${index}` }));
    await using instancer = fixedInstancer(instances);
    await using live = endpointer(instancer, (instance) => ({ endpoint: instance }));
    const balancer = roundRobin(live);
    const ours: Contender = (count) => {
      for (let i = 0; i < count; i += 1) handed.picked = balancer.pick();
    };
    return { title, costs: await interleave({ roundRobin: ours, ...others(instances) }, plan, cpuMs), claims };
  };
}

function besideIndex(size: Size): Measure {
  const byIndex: Others = (instances) => ({
    "array index"(count: number) {
      for (let i = 0; i < count; i += 1) handed.picked = instances[i % size];
    },
  });
  const claims = [{ ours: "roundRobin", other: "array index", goal: 0.5 }];
  return comparing(`a pick of ${size} instances`, size, byIndex, claims);
}

function besidePeers(size: Size): Measure {
  return async (plan) => {
    await using go = goPrograms();
    const peers: Others = () => ({
      Moleculer: picking(brokerOf(size)),
      ...go.loops({ "Go go-kit": `pick-${size}` }),
    });
    return await comparing(`a pick of ${size} instances, beside the peers`, size, peers, [])(plan);
  };
}

/** What a pick costs, whether of few instances or of many. */
export const bench: Bench = sizes.flatMap((size) => [besideIndex(size), besidePeers(size)]);
