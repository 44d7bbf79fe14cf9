import { getHeapStatistics } from "node:v8";

/** The command line, as Go's `expvar` publishes it. Whoever reads the page then reads the secrets in it. */
export function cmdline(): readonly string[] {
  return process.argv;
}

/**
 * What V8 can say of Go's `runtime.MemStats`, in bytes, under Go's names: objects in use, and what the heap has of the system.
 * What it cannot say is not there, where a 0 would be believed.
 */
export function memstats(): Readonly<Record<"Alloc" | "HeapAlloc" | "HeapSys", number>> {
  const { used_heap_size, total_heap_size } = getHeapStatistics();
  return { Alloc: used_heap_size, HeapAlloc: used_heap_size, HeapSys: total_heap_size };
}
