/** The name of what {@link attemptOf} says. */
export const retryAttempt = "gokit.retry.attempt";

/** The name of what a response says of itself by `failed`. @see go-kit tracing/opentracing/endpoint.go */
export const businessError = "gokit.business.error";
