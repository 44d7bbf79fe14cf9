type Layer = typeof import("./layer.ts");

let copies = 0;

/** Copies of that module, each compiled and optimised apart from all others. */
export function ownLayers(count: number): Promise<Layer[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      copies += 1;
      return (await import(`./layer.js?${copies}`)) as Layer;
    }),
  );
}
