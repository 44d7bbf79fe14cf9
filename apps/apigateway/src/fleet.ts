import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { BackendName } from "./backend.ts";
import { UsageError } from "./flags.ts";

/** One instance in a process of its own. */
interface Member {
  readonly name: string;
  readonly service: BackendName;
  readonly address: string;
  readonly pid: number;
  /** As when the machine loses power: nothing is said, nothing is finished. */
  kill(): void;
}

/** The instances that the demo runs. */
export interface Fleet {
  readonly members: readonly Member[];
  /** Resolves when the new instance listens and is registered. */
  add(service: BackendName): Promise<Member>;
  /** Asks all to stop, and waits until they have. */
  stop(): Promise<void>;
}

/** @param args - flags for each instance. */
export function startFleet(entry: string, args: readonly string[]): Fleet {
  const running = new Map<Member, ChildProcess>();
  const counts = { addsvc: 0, stringsvc: 0 };

  async function add(service: BackendName): Promise<Member> {
    const name = `${service}-${(counts[service] += 1)}`;
    const child = fork(entry, [service, "--name", name, ...args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // A terminal's Ctrl-C goes to the whole group; the instances are told by `stop`, once.
      detached: true,
    });
    const failed = once(child, "exit").then(([code]) => {
      throw new UsageError(`${name} ended with ${code} before it was ready`);
    });
    const [address] = (await Promise.race([once(child, "message"), failed])) as [string];
    const member: Member = { name, service, address, pid: child.pid!, kill: () => child.kill("SIGKILL") };
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
