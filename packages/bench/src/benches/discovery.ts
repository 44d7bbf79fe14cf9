import { EventEmitter } from "node:events";
import { roundRobin } from "@kit/lb";
import { endpointer, fixedInstancer, type Instance, instanceCache, type Instancer } from "@kit/sd";
import { consulInstancer, type ConsulInstancerOptions } from "@kit/sd-consul";
import { etcdInstancer, type EtcdInstancerOptions } from "@kit/sd-etcd";

import type { Bench, Bound, Claim, Plan, Result } from "../bench.ts";
import { goPrograms } from "../go/programs.ts";
import { type Contender, cpuMs, interleave } from "../interleave.ts";

const size = 10_000;

/** One in so many is replaced by the next update. */
const replaced = 100;

/** So many answers are given in turn. */
const turns = 8;

/** 3 ms. */
const below = 3e6;

/** What a registry answers: new objects each time. */
function answers(): Instance[][] {
  return Array.from({ length: turns }, (_, turn) =>
    Array.from({ length: size }, (__, index) => ({
      address: `host-${index}${index % replaced === 0 ? `-${turn}` : ""}:8080`,
      weight: 1 + (index % 4),
      zone: `zone-${index % 3}`,
      metadata: { version: "1.2.3", owner: "team-a" },
    })),
  );
}

/** The same in an order of its own: what follows what is of no use then. */
function stirred(answer: readonly Instance[], turn: number): Instance[] {
  // Steps that have no divisor in common with the size, so that all are visited.
  const step = 4001 + 10 * turn;
  return answer.map((_, index) => answer[(index * step) % size]!);
}

/** An instancer and what has its registry tell the next answer. */
interface Told {
  readonly instancer: Instancer;
  readonly tellNext: () => void;
}

function toldByCache(lists: readonly (readonly Instance[])[]): Told {
  const instancer = instanceCache();
  let turn = 0;
  return { instancer, tellNext: () => instancer.update(lists[turn++ % turns]!) };
}

/** From what Consul's driver hands over when it has read an answer: all entries, new objects each time. */
function toldByConsul(lists: readonly (readonly Instance[])[]): Told {
  const answered = lists.map((list, turn) => list.map((instance) => consulEntry(instance, turn)));
  let turn = 0;
  let due = false;
  let answer: (() => void) | undefined;
  const service = ({ ctx }: { readonly ctx: EventEmitter }): Promise<unknown> =>
    new Promise((resolve, reject) => {
      ctx.once("cancel", reject);
      answer = () => {
        turn += 1;
        due = false;
        answer = undefined;
        resolve([{ headers: { "x-consul-index": String(turn) } }, answered[turn % turns]]);
      };
      if (due) answer();
    });
  const client = { health: { service } } as unknown as ConsulInstancerOptions["client"];
  const instancer = consulInstancer({ client, service: "addsvc", minQueryMs: 1 });
  const tellNext = (): void => {
    due = true;
    answer?.();
  };
  return { instancer, tellNext };
}

function consulEntry({ address, weight, zone, metadata }: Instance, turn: number): object {
  const [host, port] = address.split(":");
  return {
    Node: { Node: "one", Address: "10.0.0.1", ModifyIndex: 9 },
    Service: {
      ID: `addsvc-${address}`,
      Address: host,
      Port: Number(port),
      Tags: [],
      Meta: { ...metadata, "kit-zone": zone, "kit-weight": String(weight) },
      Weights: { Passing: weight, Warning: 1 },
      ModifyIndex: host!.endsWith(`-${turn}`) ? 100 + turn : 100,
    },
    Checks: [],
  };
}

/** From what etcd's driver hands over of a watch: what has changed, as bytes. */
function toldByEtcd(lists: readonly (readonly Instance[])[]): Told {
  const pairs = (list: readonly Instance[]): { key: Buffer; value: Buffer }[] =>
    list.map((instance) => ({
      key: Buffer.from(`/services/addsvc/${instance.address}`),
      value: Buffer.from(JSON.stringify(instance)),
    }));
  const changing = lists.map((list) => pairs(list.filter((_, index) => index % replaced === 0)));
  const stream = Object.assign(new EventEmitter(), { cancel() {}, write() {} });
  const client = {
    prefix: Buffer.alloc(0),
    kv: { range: async () => ({ header: { revision: "1" }, kvs: pairs(lists[0]!) }) },
    watchClient: { watch: async () => stream },
  } as unknown as EtcdInstancerOptions["client"];
  const instancer = etcdInstancer({ client, prefix: "/services/addsvc", pingMs: 2 ** 30 });
  let turn = 0;
  const tellNext = (): void => {
    // The list comes before the watch.
    if (stream.listenerCount("data") === 0) return void setImmediate(tellNext);
    const gone = changing[turn % turns]!.map((kv) => ({ type: "Delete", kv }));
    turn += 1;
    const come = changing[turn % turns]!.map((kv) => ({ type: "Put", kv }));
    stream.emit("data", { canceled: false, events: [...gone, ...come] });
  };
  return { instancer, tellNext };
}

/** Has an endpointer measured, as every client has one: from the registry's answer to its endpoints. */
async function withUpdates<Measured>(
  { instancer, tellNext }: Told,
  use: (update: Contender) => Promise<Measured>,
): Promise<Measured> {
  await using _ = instancer;
  await using live = endpointer(instancer, (instance) => ({ endpoint: instance, close() {} }));
  let heard = (): void => {};
  instancer.subscribe(() => heard());
  const update = (): Promise<void> =>
    new Promise((resolve) => {
      heard = resolve;
      tellNext();
    });
  // However busy the machine is, what is measured has been compiled.
  for (let i = 0; i < 10 * turns; i += 1) await update();
  const measured = await use(async (count) => {
    for (let i = 0; i < count; i += 1) await update();
  });
  if (live.endpoints().length !== size) throw new Error(`${live.endpoints().length} endpoints of ${size} instances`);
  return measured;
}

/** Enough of them for the memory of the young to be as large as in a service that works: each sample begins with the least of it. */
function longer(plan: Plan): Plan {
  return { ...plan, sampleMs: 4 * plan.sampleMs };
}

const bound: Bound = { ours: "update", below };

function measure(title: string, told: Told, plan: Plan): Promise<Result> {
  return withUpdates(told, async (update) => ({
    title,
    costs: await interleave({ update }, longer(plan)),
    claims: [bound],
  }));
}

const inGo = "Go go-kit";

/** Beside go-kit's cache and endpointer, whose instances have no weight, zone and metadata that might have changed. */
async function measureBesideGo(plan: Plan): Promise<readonly Result[]> {
  const title = "the same of addresses alone";
  const addresses = answers().map((list) => list.map(({ address }) => ({ address })));
  await using go = goPrograms();
  const theirs = go.loops({ [inGo]: "discovery-updates" });
  const claims: readonly Claim[] = inGo in theirs ? [{ ours: "update", other: inGo, goal: 3 }] : [];
  return await withUpdates(toldByCache(addresses), async (update) => {
    const contenders = { update, ...theirs };
    return [
      { title: `${title}: time an update`, costs: await interleave(contenders, longer(plan)), claims },
      { title: `${title}: CPU time an update`, costs: await interleave(contenders, longer(plan), cpuMs), claims },
    ];
  });
}

// Each pick is put here, or the engine would not even make it.
const handed: { picked: object | undefined } = { picked: undefined };

/** What a pick costs of so many, told as above, beside one of ten of them. */
async function measurePick(plan: Plan): Promise<Result> {
  const list = answers()[0]!;
  await using many = fixedInstancer(list);
  await using few = fixedInstancer(list.slice(0, 10));
  await using ofMany = endpointer(many, (instance) => ({ endpoint: instance }));
  await using ofFew = endpointer(few, (instance) => ({ endpoint: instance }));
  const [fromMany, fromFew] = [roundRobin(ofMany), roundRobin(ofFew)];
  const costs = await interleave(
    {
      [`of ${size}`](count) {
        for (let i = 0; i < count; i += 1) handed.picked = fromMany.pick();
      },
      "of 10"(count) {
        for (let i = 0; i < count; i += 1) handed.picked = fromFew.pick();
      },
    },
    plan,
  );
  return {
    title: "a pick of many instances",
    costs,
    // The same, but for what a busy machine adds.
    claims: [{ ours: `of ${size}`, other: "of 10", goal: 0.8 }],
  };
}

/** What an update costs that replaces a hundredth of many instances, each with weight, zone and metadata, and what a pick of them costs. */
export const bench: Bench = [
  (plan) => measure(`${size} instances, ${size / replaced} of them new, all told anew`, toldByCache(answers()), plan),
  measureBesideGo,
  (plan) => measure("the same from what Consul answers", toldByConsul(answers()), plan),
  (plan) => measure("the same from what etcd tells", toldByEtcd(answers()), plan),
  // No registry here answers like that; what it costs when nothing can be guessed.
  async (plan) => ({
    ...(await measure("the same, in another order each time", toldByCache(answers().map(stirred)), plan)),
    claims: [],
  }),
  measurePick,
];
