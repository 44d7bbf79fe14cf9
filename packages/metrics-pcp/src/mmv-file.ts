import { access, type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { generationOffset, type MmvImage } from "./mmv.ts";

/**
 * A file that PCP maps into its memory. Node cannot map files, so values are written in place through a descriptor; the kernel shows
 * them in every mapping at once.
 */
export class MmvFile {
  readonly #path: string;
  readonly #next: string;
  #handle: FileHandle | undefined;

  constructor(directory: string, name: string) {
    this.#path = join(directory, name);
    // PCP passes over what begins with a dot.
    this.#next = join(directory, `.${name}.next`);
  }

  /** Puts a new file in the place of the old one, so that PCP sees either. */
  async replace({ bytes }: MmvImage): Promise<void> {
    await rm(this.#next, { force: true });
    // Never through a link that somebody has put there: the folder may be everybody's.
    const handle = await open(this.#next, "wx+", 0o644);
    try {
      // Whatever the umask says: PCP is another user.
      await handle.chmod(0o644);
      await handle.writeFile(bytes);
      await rename(this.#next, this.#path);
    } catch (error) {
      await handle.close();
      await rm(this.#next, { force: true });
      throw error;
    }
    const before = this.#handle;
    this.#handle = handle;
    // It is mapped still; PCP looks for another when it has lost its generation.
    await before?.write(new Uint8Array(8), 0, 8, generationOffset).catch(() => {});
    await before?.close();
  }

  /** Writes the values in place. */
  async update({ values, valuesOffset }: MmvImage): Promise<void> {
    await this.#handle!.write(values, 0, values.length, valuesOffset);
  }

  /** Whether there is still a file, which somebody who cleans up may have removed. */
  async isThere(): Promise<boolean> {
    return access(this.#path).then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}
