/** The time left, in ms. */
export const timeoutHeader = "timeout-ms";
