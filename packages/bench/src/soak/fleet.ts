import { setTimeout as pause } from "node:timers/promises";
import type { Child, Children } from "../child.ts";
import type { EndQuestion } from "../end.ts";
import type { ContenderName } from "../whole-chain/contenders.ts";

/** Instances of the service to do things to. */
export interface Fleet {
  /** Kills one as it stands, and starts another in its place. Resolves when that serves. */
  replaceOne(): Promise<void>;
  /** Has one stand still for so long. */
  stopOne(ms: number): Promise<void>;
}

type Instance = Child<EndQuestion, true>;

const kit: ContenderName = "kit";
const program = new URL("../whole-chain/end.js", import.meta.url);

/** Starts so many instances. */
export async function startFleet(children: Children, place: string, size: number): Promise<Fleet> {
  async function start(): Promise<Instance> {
    const instance: Instance = children.start(program, kit, "serve", place);
    await instance.ask("ready");
    return instance;
  }
  /** Those to whom nothing is done at the moment. */
  const idle = await Promise.all(Array.from({ length: size }, start));
  let turn = 0;
  const takeOne = (): Instance => idle.splice(turn++ % idle.length, 1)[0]!;

  return {
    async replaceOne() {
      takeOne().signal("SIGKILL");
      idle.push(await start());
    },
    async stopOne(ms) {
      const one = takeOne();
      one.signal("SIGSTOP");
      await pause(ms);
      one.signal("SIGCONT");
      idle.push(one);
    },
  };
}
