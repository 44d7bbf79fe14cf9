import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { UsageError } from "./flags.ts";

/** One instance in a process of its own. */
interface Member {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  /** As when the machine loses power: nothing is said, nothing is finished. */
  kill(): void;
}

/** The instances that the demo runs. */
export interface Fleet {
  readonly members: readonly Member[];
  /** Resolves when the new instance listens and is registered. */
  add(): Promise<Member>;
  /** Asks all to stop, and waits until they have. */
  stop(): Promise<void>;
}

/** @param argsOf - flags for each instance, asked for when it is started. */
export function startFleet(entry: string, argsOf: () => readonly string[]): Fleet {
  const running = new Map<Member, ChildProcess>();
  let count = 0;

  async function add(): Promise<Member> {
    const name = `addsvc-${(count += 1)}`;
    const child = fork(entry, ["instance", "--name", name, ...argsOf()], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // A terminal's Ctrl-C goes to the whole group; the instances are told by `stop`, once.
      detached: true,
    });
    const failed = once(child, "exit").then(([code]) => {
      throw new UsageError(`${name} ended with ${code} before it was ready`);
    });
    const [address] = (await Promise.race([once(child, "message"), failed])) as [string];
    const member: Member = { name, address, pid: child.pid!, kill: () => child.kill("SIGKILL") };
    running.set(member, child);
    failed.catch(() => running.delete(member));
    return member;
  }

  async function stop(): Promise<void> {
    await Promise.all(
      [...running.values()].map(async (child) => {
        const exit = once(child, "exit");
        // False for one that has ended already, whose exit will not come again.
        if (child.kill("SIGTERM")) await exit;
      }),
    );
  }

  return {
    get members() {
      return [...running.keys()];
    },
    add,
    stop,
  };
}
