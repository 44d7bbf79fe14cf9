// As good as empty: linters do not let a file be.
export const nothing = undefined;
