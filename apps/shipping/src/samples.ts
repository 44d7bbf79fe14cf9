import { type Cargos, newCargo } from "./cargo/cargo.ts";

const dayMs = 86_400_000;

/** The cargos of go-kit's example, where they are not there yet: one has a week, the other two. */
export async function addSamples(cargos: Cargos): Promise<void> {
  const inDays = (days: number): Date => new Date(Date.now() + days * dayMs);
  await cargos.add(newCargo("FTL456", { origin: "AUMEL", destination: "SESTO", arrivalDeadline: inDays(7) }));
  await cargos.add(newCargo("ABC123", { origin: "SESTO", destination: "CNHKG", arrivalDeadline: inDays(14) }));
}
