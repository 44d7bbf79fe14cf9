/** Finds where a JSON text that came in pieces ends, looking at each byte once. */
export class JsonEnd {
  /** Relative to the text's beginning. */
  #seen = 0;
  #depth = 0;
  #quoted = false;
  #escaped = false;

  /** @returns the end of the text that begins at `start`, or `undefined` while it is not there. */
  find(bytes: Buffer, start: number, end: number): number | undefined {
    for (let at = start + this.#seen; at < end; at++) {
      const byte = bytes[at];
      if (this.#escaped) this.#escaped = false;
      else if (this.#quoted && byte === 0x5c) this.#escaped = true;
      else if (byte === 0x22) this.#quoted = !this.#quoted;
      else if (!this.#quoted && byte === 0x5b) this.#depth++;
      else if (!this.#quoted && byte === 0x5d && --this.#depth === 0) return at + 1;
    }
    this.#seen = end - start;
    return undefined;
  }
}
