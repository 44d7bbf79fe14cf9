import Consul from "consul";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

export const clientOf = (port: number): Consul => new Consul({ port });

let services = 0;

/** A name that no other test has. */
export const newService = (): string => `addsvc-${process.pid}-${++services}`;

/** Registers an instance in a process of its own. */
export const registrarScript: URL = new URL("registrar.fixture.mjs", import.meta.url);
