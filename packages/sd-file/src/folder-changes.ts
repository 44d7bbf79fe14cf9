import { watch } from "node:fs";
import { basename } from "node:path";
import type { Context } from "@kit/endpoint";

/** What the system reports of a folder. */
export interface FolderChanges {
  /** Whether the folder itself was removed or renamed: nothing is reported any more, even if there is one of its name again. */
  readonly over: boolean;
  /** The names of the files that were reported since this was last called. */
  take(): ReadonlySet<string>;
  /** Resolves when something has been reported since `take`, the context ends, or `ms` have passed. */
  wait(ms: number): Promise<void>;
}

/**
 * Has changes reported until the context ends. Where the system cannot, nothing is ever reported, after one word to `report`.
 *
 * @param options.isNews - whether it is of interest that the file of this name was written to or touched; that one came or went always is.
 */
export function folderChanges(
  folder: string,
  ctx: Context,
  options: { readonly isNews: (name: string) => boolean; readonly report: (error: Error) => void },
): FolderChanges {
  const { isNews, report } = options;
  let changed = new Set<string>();
  let over = false;
  let awake = false;
  let wake = (): void => {};

  function note(name: string | null): void {
    if (name !== null) changed.add(name);
    awake = true;
    wake();
  }

  try {
    const watcher = watch(folder, (type, name) => {
      if (name !== null && (name.startsWith(".") || (type === "change" && !isNews(name)))) return;
      // Of the folder itself its own name is reported.
      over ||= type === "rename" && name === basename(folder);
      note(name);
    });
    watcher.on("error", report);
    ctx.onCancel(() => watcher.close());
  } catch (error) {
    report(error as Error);
  }
  ctx.onCancel(() => note(null));

  return {
    get over() {
      return over;
    },

    take() {
      const taken = changed;
      changed = new Set();
      awake = false;
      return taken;
    },

    wait(ms) {
      if (awake) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => wake(), ms);
        wake = () => {
          clearTimeout(timer);
          wake = () => {};
          resolve();
        };
      });
    },
  };
}
