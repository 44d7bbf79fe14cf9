import type { Context } from "@kit/endpoint";
import type { Instance } from "./instance.ts";
import type { Instancer } from "./instancer.ts";

/**
 * Waits for an instancer's first list, so that a program can start up with its peers known. Errors are waited out, for as long as the
 * context lasts. An endpointer that subscribed before has the list by then.
 *
 * @returns the list; it may be empty.
 * @throws the instancer's last error when the context ends before there is a list, or the context's cause if there was none.
 */
export function firstInstances(instancer: Instancer, ctx: Context): Promise<readonly Instance[]> {
  const leave: (() => void)[] = [];
  const first = new Promise<readonly Instance[]>((resolve, reject) => {
    let failure: Error | undefined;
    const unsubscribe = instancer.subscribe(({ instances, error }) => {
      if (instances !== undefined) resolve(instances);
      else failure = error;
    });
    leave.push(
      unsubscribe,
      ctx.onCancel((cause) => reject(failure ?? cause)),
    );
  });
  return first.finally(() => leave.forEach((end) => end()));
}
