import type { SumRequest, SumResponse } from "./sum.ts";

/** One contender's two ends, each in a process of its own. */
export interface ContenderModule {
  /** Resolves when it serves. */
  serve(url: string): Promise<void>;
  /** Resolves when it can be called. */
  connect(url: string): Promise<(request: SumRequest) => Promise<SumResponse>>;
}

/** The contenders, each loaded in processes of its own. */
export const contenders = {
  "kit, one endpoint": () => import("./contenders/kit-endpoint.ts"),
  "kit, contract and zod": () => import("./contenders/kit-contract.ts"),
  "amqplib by hand": () => import("./contenders/amqplib.ts"),
  "Moleculer, as it comes": () => import("./contenders/moleculer.ts"),
  "Moleculer, prefetch and noDelay": () => import("./contenders/moleculer-tuned.ts"),
  "NestJS, as it comes": () => import("./contenders/nest.ts"),
} as const satisfies Record<string, () => Promise<ContenderModule>>;
