import type { Context } from "@kit/endpoint";

/**
 * For transports: the work's outcome, or a rejection with the context's cause if that ends first. The work itself goes on until it sees
 * its context; what becomes of it then is nobody's business.
 */
export function until<T>(ctx: Context, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = ctx.onCancel(reject);
    work.then(
      (value) => {
        forget();
        resolve(value);
      },
      (error: unknown) => {
        forget();
        reject(error);
      },
    );
  });
}
