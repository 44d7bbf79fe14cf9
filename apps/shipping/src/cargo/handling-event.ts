/** What can be done to a cargo, in go-kit's words. */
export const handlingTypes = ["Receive", "Load", "Unload", "Customs", "Claim"] as const;

/** How and where a cargo can be handled: one that was, or one that is expected next. */
export interface HandlingActivity {
  readonly type: (typeof handlingTypes)[number];
  readonly location: string;
  /** Only of what is loaded or unloaded. */
  readonly voyage: string | undefined;
}

/** A cargo was handled. Nothing changes it afterwards. */
export interface HandlingEvent extends HandlingActivity {
  readonly trackingId: string;
  /** When it happened, which is not when it was told. */
  readonly completedAt: Date;
}

/** What happened to a cargo, in the order in which it happened. */
export type HandlingHistory = readonly HandlingEvent[];

/** Where events may be kept. */
export interface HandlingEvents {
  append(event: HandlingEvent): Promise<void>;
  historyOf(trackingId: string): Promise<HandlingHistory>;
}
