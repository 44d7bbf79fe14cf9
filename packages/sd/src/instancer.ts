import type { Instance } from "./instance.ts";

/**
 * What an instancer tells its subscribers: the whole list, or why it cannot be had. After an error the last list still stands.
 *
 * @see go-kit sd/instancer.go
 */
export type InstancerEvent =
  | { readonly instances: readonly Instance[]; readonly error?: undefined }
  | { readonly instances?: undefined; readonly error: Error };

/** How far the last list can be trusted. */
export interface InstancerStatus {
  /** `pending`: no list yet. `fresh`: the list is what the registry says. `stale`: the registry cannot be asked, the last list is served. `failing`: it cannot be asked and never could. */
  readonly state: "pending" | "fresh" | "stale" | "failing";
  /** Since when, in ms since the Unix epoch. */
  readonly since: number;
  /** Why, when stale or failing. */
  readonly error?: Error;
}

/** Watches the instances of one service. Its maker closes it. */
export interface Instancer extends AsyncDisposable {
  /**
   * Tells `listener` at once what is known, the last list and then the error if there has been one since, and every change after it. Lists
   * are sorted by address, without duplicates, frozen, and never told twice in a row.
   *
   * @param listener - what it throws becomes an uncaught exception and disturbs nobody else.
   * @returns ends the subscription.
   */
  subscribe(listener: (event: InstancerEvent) => void): () => void;
  readonly status: InstancerStatus;
  /** Stops watching; no listener is called after it is called. Idempotent. */
  close(): Promise<void>;
}
