import type { Context } from "@kit/endpoint";
import { backoff, guarded, type Instance, type Instancer, requireMs, watchInstancer } from "@kit/sd";
import { entryFiles } from "./entry-files.ts";
import { folderChanges } from "./folder-changes.ts";
import { inFolder, openFolder, serviceFolder, statFolder } from "./folder.ts";

export interface FileInstancerOptions {
  /** Where the services are, the same for registrars and instancers. Made if it is missing. */
  readonly directory: string;
  /** Up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or a digit: the name of a folder in the directory. */
  readonly service: string;
  /**
   * How often to look by itself, in ms: for changes that the system does not report, such as those on a network's file system, and for
   * processes that have died. @default 1000
   */
  readonly pollMs?: number;
  /** Told of files that are no entries, each once, and when the system reports no changes. @default nobody is told */
  readonly onError?: (error: Error) => void;
  /** The clock that the files' times are compared with, in ms since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Watches a service's folder. What the system reports is told at once, what it does not within `pollMs`: a file counts until it has not been
 * touched for the time that it says itself, or until its process has ended, where that is certain (see the README).
 *
 * It also removes what the dead have left, if it may. It keeps the process alive until it is closed.
 *
 * @throws {TypeError} when an option is wrong. Subscribers are told `permission_denied`, `resource_exhausted` (no handles) or `unavailable`.
 */
export function fileInstancer(options: FileInstancerOptions): Instancer {
  const { directory, service, pollMs = 1_000, onError, now = Date.now } = options;
  const folder = serviceFolder("fileInstancer", directory, service);
  requireMs("fileInstancer: pollMs", pollMs);
  const report = guarded(onError);
  const files = entryFiles(folder, { pollMs, now, report });

  return watchInstancer({
    watch: (update, ctx) => inFolder(() => follow(update, ctx)),
    backoff: backoff({ baseMs: 50, maxMs: 1_000 }),
    now,
  });

  async function follow(update: (instances: Iterable<Instance>) => void, ctx: Context): Promise<void> {
    const { ino } = await openFolder(folder);
    // A touch of what is listed is a heartbeat, and no news.
    const changes = folderChanges(folder, ctx, { isNews: (name) => !files.isListed(name), report });
    try {
      while (ctx.cancelled === undefined && !changes.over) {
        await files.scan(changes.take());
        // One moment for both: what expires between them would stay listed until something else happens.
        const at = now();
        update(files.instances(at));
        await changes.wait(Math.min(pollMs, files.firstExpiry(at) - now()));
        // Another folder of its name may have taken its place.
        if ((await statFolder(folder)).ino !== ino) return;
      }
    } catch (error) {
      // Removed: it is made again.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}
