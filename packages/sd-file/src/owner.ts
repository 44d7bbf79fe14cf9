import { readFileSync, readlinkSync } from "node:fs";

/** The process that wrote an entry. */
export interface Owner {
  readonly pid: number;
  /** Where its pid means something: one boot of one kernel, one pid namespace. Two containers that share a folder have two. */
  readonly space: string;
}

/** This process, where the system tells in which space its pid counts: on Linux. */
export function thisProcess(): Owner | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { pid: process.pid, space: `${boot} ${readlinkSync("/proc/self/ns/pid")}` };
  } catch {
    return undefined;
  }
}

/** Whether a process of this space has ended for certain. One that only has its pid may be another. */
export function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
