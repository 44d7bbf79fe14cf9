/** What this package reads of the context that Lambda hands to a function. @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
export interface LambdaContext {
  readonly functionName: string;
  /** Until Lambda ends the function, in ms. */
  getRemainingTimeInMillis(): number;
}

/** What Lambda calls. */
export type LambdaFunction<Event = any, Result = any> = (event: Event, context: LambdaContext) => Promise<Result>;
