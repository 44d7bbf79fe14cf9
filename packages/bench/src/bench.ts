/** How much to measure. */
export interface Plan {
  /** In how many processes one after another: each keeps what its compiler decided early on, which makes two of one program differ by 5 % and more. */
  readonly starts: number;
  /** In each of them. */
  readonly rounds: number;
  /** How long one contender is measured in one round, in ms. */
  readonly sampleMs: number;
  /** How long each contender runs unmeasured before, in ms; 0 for not at all. */
  readonly warmUpMs: number;
  /** How long the soak goes on, in minutes. */
  readonly minutes: number;
}

/** Enough for medians that hold on a machine which others use too. */
export const fullPlan: Plan = { starts: 3, rounds: 7, sampleMs: 25, warmUpMs: 100, minutes: 10 };

/** Runs everything once: whether it works, not how fast. */
export const smokePlan: Plan = { starts: 1, rounds: 1, sampleMs: 1, warmUpMs: 1, minutes: 1 / 15 };

/** What contenders are measured in. */
export type Unit = "ns" | "bytes";

/** What one operation costs with each contender, round by round, in the unit of the result. */
export type Costs = Readonly<Record<string, readonly number[]>>;

/** What is claimed: `ours` does at least `goal` times as many operations a second as `other`. */
export interface Claim {
  readonly ours: string;
  readonly other: string;
  readonly goal: number;
}

/** What is claimed where a ratio would say nothing: `ours` costs less than `below`, or not so much more than `over` does. */
export interface Bound {
  readonly ours: string;
  readonly over?: string;
  /** In the unit of the result. */
  readonly below: number;
}

/** What must hold in the course of time. */
export interface Check {
  readonly what: string;
  readonly found: string;
  readonly goal: string;
  readonly met: boolean;
}

/** What was seen in the course of time, by what it is called, and what must hold of it. */
export interface Course {
  readonly seen: readonly Readonly<Record<string, number>>[];
  readonly checks: readonly Check[];
}

/** Contenders measured together, and what is claimed of them. */
export interface Result {
  readonly title: string;
  /** @default "ns" */
  readonly unit?: Unit;
  readonly costs: Costs;
  readonly claims: readonly (Claim | Bound)[];
  /** Those contenders of ours of which nothing is claimed. */
  readonly ours?: readonly string[];
  /** Where it is about what becomes of one in time, and not about several. */
  readonly course?: Course;
}

/** Measures contenders, mostly together. */
export type Measure = (plan: Plan) => Promise<Result | readonly Result[]>;

/** What a file in `benches` exports. Each is run in processes of its own, since what one leaves on the heap slows the next: pino's lines by a half, after winston's. */
export type Bench = readonly Measure[];
