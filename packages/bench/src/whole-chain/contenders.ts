import type { SumRequest, SumResponse } from "../http/sum.ts";

/** Calls the service, whichever instance answers. */
export type Call = (request: SumRequest) => Promise<SumResponse>;

/** One contender's two ends, each in processes of its own. The place is a folder in which they find each other. */
export interface ContenderModule {
  /** Serves as one of several instances. Resolves when it is known at the place. */
  serve(place: string): Promise<void>;
  /** Resolves when all instances are known that are at the place. */
  connect(place: string): Promise<Call>;
}

/** The contenders, each loaded in processes of its own. */
export const contenders = {
  kit: () => import("./contenders/kit.ts"),
  "fastify and undici, nothing else": () => import("./contenders/bare.ts"),
  "the same by hand": () => import("./contenders/by-hand.ts"),
  Moleculer: () => import("./contenders/moleculer.ts"),
  NestJS: () => import("./contenders/nest.ts"),
} as const satisfies Record<string, () => Promise<ContenderModule>>;

export type ContenderName = keyof typeof contenders;
