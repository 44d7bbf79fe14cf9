/** The recorded span of one call: the library's own, and how it is told of the outcome. {@link inSpan} says when. */
export interface CallSpan {
  /** The call has succeeded, or its stream is over. @param failure - the business failure that the response carries, else `undefined` */
  tellSuccess(failure: unknown): void;
  /** What the call has failed with, or its stream; or why its context is over. */
  tellFailure(error: unknown): void;
  /** Ends the span itself: called once, when it has been told of one or the other. */
  finish(): void;
  /** Hears of what these throw, and what could not be done. What it throws itself nobody hears. */
  report(what: string, error: unknown): void;
  /** Gives back what takes each step of a stream, for a library whose span is active meanwhile. @default the step as it is */
  bind?<Step extends (...sent: any[]) => unknown>(step: Step): Step;
}
