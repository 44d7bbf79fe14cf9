import { lutimes, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { backoff, heartbeatRegistrar, type Instance, parseInstance, type Registrar, requireMs } from "@kit/sd";
import { entryName, entryText, maxEntryBytes, temporaryName } from "./entry.ts";
import { inFolder, openFolder, serviceFolder } from "./folder.ts";
import { thisProcess } from "./owner.ts";

export interface FileRegistrarOptions {
  /** Where the services are, the same for registrars and instancers. Made if it is missing. */
  readonly directory: string;
  /** Up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or a digit: the name of a folder in the directory. */
  readonly service: string;
  readonly instance: Instance;
  /** How long the instance stays listed after its process has died, in ms; it is renewed three times as often. At least 100. @default 10000 */
  readonly ttlMs?: number;
  /** Told why a renewal, a registration after it, or the deregistration of `close` failed. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/**
 * Announces an instance by a file in a directory. The file is there whole or not at all, is touched every third of `ttlMs`, and written again when
 * something has taken it away. Heartbeats do not keep the process alive.
 *
 * @throws {TypeError} when an option is wrong. `register` and `deregister` reject with `permission_denied`, `resource_exhausted` (no space, no
 * handles) or `unavailable`.
 */
export function fileRegistrar(options: FileRegistrarOptions): Registrar {
  const { directory, service, ttlMs = 10_000, onError } = options;
  const folder = serviceFolder("fileRegistrar", directory, service);
  requireMs("fileRegistrar: ttlMs", ttlMs, 100);
  const instance = parseInstance(options.instance);
  const text = entryText({ instance, ttlMs, since: Date.now(), owner: thisProcess() });
  if (Buffer.byteLength(text) > maxEntryBytes) {
    throw new TypeError(`fileRegistrar: instance must be less than ${maxEntryBytes} bytes of JSON`);
  }
  const name = entryName(instance.address);
  const [path, temporary] = [join(folder, name), join(folder, temporaryName(name))];
  const heartbeatMs = ttlMs / 3;

  return heartbeatRegistrar({
    register: () =>
      inFolder(async () => {
        await openFolder(folder);
        await rm(temporary, { force: true });
        await writeFile(temporary, text, { flag: "wx" });
        await rename(temporary, path);
      }),
    renew() {
      const now = new Date();
      return inFolder(() => lutimes(path, now, now));
    },
    deregister: () => inFolder(() => rm(path, { force: true })),
    heartbeatMs,
    backoff: backoff({ baseMs: Math.min(100, heartbeatMs), maxMs: heartbeatMs }),
    onError,
  });
}
