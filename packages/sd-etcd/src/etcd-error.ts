import { type Code, KitError } from "@kit/endpoint";
import {
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdPermissionDeniedError,
  GRPCDeadlineExceededError,
  GRPCResourceExhastedError,
} from "etcd3";

const codes: readonly (readonly [new (message: string) => Error, Code])[] = [
  [EtcdPermissionDeniedError, "permission_denied"],
  [EtcdAuthenticationFailedError, "unauthenticated"],
  [EtcdInvalidAuthTokenError, "unauthenticated"],
  [GRPCDeadlineExceededError, "deadline_exceeded"],
  [GRPCResourceExhastedError, "resource_exhausted"],
];

/** What the driver threw, with a code; its own words, which name hosts, stay in the cause. */
export function etcdError(cause: unknown): KitError {
  const [, code] = codes.find(([type]) => cause instanceof type) ?? [undefined, "unavailable" as const];
  return new KitError(code, `etcd failed: ${code}`, { cause });
}

/** @throws {KitError} what {@link etcdError} makes of a failure. */
export async function coded<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (error) {
    throw etcdError(error);
  }
}
