import { fileURLToPath } from "node:url";

/** One of the examples that casbin comes with. */
export function example(name: string): { readonly file: string } {
  return { file: fileURLToPath(new URL(`../node_modules/casbin/examples/${name}`, import.meta.url)) };
}
