import { type KitError, refusal } from "@kit/endpoint";

/** The longest first wait, in ms: long enough that a lost broker is not hammered, short enough that a closed channel is hardly missed. */
const baseMs = 100;

/** How one thing is opened, and what is done about it. */
export interface Keeper<T> {
  /**
   * Opens the thing. From then on `lost` is to be called when it is gone.
   *
   * @throws {KitError} to be told to who waits for it.
   */
  readonly open: (lost: (why: KitError) => void) => Promise<T>;
  readonly close: (value: T) => Promise<void>;
  /** Hears that it is there, before those who wait for it do. */
  readonly onUp?: (value: T) => void;
  /** Hears that it is gone, be it lost or closed. */
  readonly onLost?: (why: KitError) => void;
  /** Whether it is of no use to try again. */
  readonly isHopeless?: (why: KitError) => boolean;
  /** The longest wait between two attempts, in ms. */
  readonly maxBackoffMs: number;
}

/** A thing that is opened when first asked for, and again whenever it is lost, with jittered backoff, until it is closed. */
export class Kept<T> {
  readonly #keeper: Keeper<T>;
  #value: T | undefined = undefined;
  #opening: Promise<T> | undefined = undefined;
  /** Tells those who wait for it now. */
  #abandon: ((why: KitError) => void) | undefined = undefined;
  /** Why it is not there and nobody opens it now. */
  #why: KitError | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #attempt = 0;
  #upSince = 0;
  #closed: Promise<void> | undefined = undefined;

  constructor(keeper: Keeper<T>) {
    this.#keeper = keeper;
  }

  get current(): T | undefined {
    return this.#value;
  }

  /** The thing, or how the attempt ends that is being made; between attempts the failure of the last one, at once. */
  ready(): Promise<T> {
    if (this.#value !== undefined) return Promise.resolve(this.#value);
    if (this.#why !== undefined) return Promise.reject(this.#why);
    return (this.#opening ??= new Promise((resolve, reject) => {
      this.#abandon = reject;
      this.#open().then(resolve, reject);
    }));
  }

  /** Tries at once what would be tried later: what was in the way is gone. */
  hurry(): void {
    if (this.#timer === undefined) return;
    this.#attempt = 0;
    this.#retry();
  }

  /** Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #open(): Promise<T> {
    let lost: KitError | undefined;
    let value: T | undefined;
    try {
      value = await this.#keeper.open((why) => {
        lost ??= why;
        if (value !== undefined && this.#value === value) this.#lose(why);
      });
      if (this.#closed !== undefined) {
        await this.#keeper.close(value);
        throw closedError;
      }
      if (lost !== undefined) throw lost;
    } catch (error) {
      this.#rest(error as KitError);
      throw error;
    } finally {
      this.#opening = undefined;
    }
    this.#value = value;
    this.#upSince = performance.now();
    this.#keeper.onUp?.(value);
    return value;
  }

  #lose(why: KitError): void {
    this.#value = undefined;
    // What goes again as soon as it has come is not to be tried ever faster.
    if (performance.now() - this.#upSince > this.#keeper.maxBackoffMs) this.#attempt = 0;
    this.#rest(why);
    this.#keeper.onLost?.(why);
  }

  #rest(why: KitError): void {
    if (this.#closed !== undefined) return;
    this.#why = why;
    if (this.#keeper.isHopeless?.(why)) return;
    const longestMs = Math.min(this.#keeper.maxBackoffMs, baseMs * 2 ** this.#attempt++);
    // It holds the process: a server whose broker restarts must not end.
    this.#timer = setTimeout(() => this.#retry(), longestMs * (0.5 + Math.random() / 2));
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#why = undefined;
    // Whoever waits is told; nobody may.
    this.ready().catch(() => {});
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#why = closedError;
    this.#abandon?.(closedError);
    const value = this.#value;
    if (value === undefined) return;
    this.#value = undefined;
    this.#keeper.onLost?.(closedError);
    await this.#keeper.close(value);
  }
}

/** What a call is told that needs what was closed. */
const closedError: KitError = refusal("unavailable", "amqp: closed", { notSent: true });
