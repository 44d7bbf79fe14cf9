import type { Writable } from "node:stream";

/**
 * Has what is written in one turn go out in one system call. amqplib makes one of every frame, which is a third of all that a call costs.
 */
export function gatherWrites(socket: Writable): void {
  let gathering = false;
  const send = (): void => {
    gathering = false;
    socket.uncork();
  };
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]): boolean => {
    if (!gathering) {
      gathering = true;
      socket.cork();
      process.nextTick(send);
    }
    return write(...args);
  };
}
