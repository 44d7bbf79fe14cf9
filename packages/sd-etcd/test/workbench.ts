import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** As the README says that a client should be. */
export const clientOf = (hosts: string | string[]): Etcd3 =>
  new Etcd3({ hosts, faultHandling: { host: () => noop }, grpcOptions: { "grpc.use_local_subchannel_pool": 1 } });

let services = 0;

/** A name that no other test has. */
export const newPrefix = (): string => `/services/addsvc-${process.pid}-${++services}`;

/** Registers an instance in a process of its own. */
export const registrarScript: URL = new URL("registrar.fixture.mjs", import.meta.url);
