import { launch } from "./setup.mjs";

/**
 * Starts the demo.
 *
 * @param {string[]} args the app's own
 */
export const start = (args) => launch("apps/addsvc", args);
