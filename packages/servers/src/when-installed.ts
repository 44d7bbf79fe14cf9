import { describe, it } from "vitest";
import { missingNeeds } from "./installed.ts";
import type { ServerKind } from "./server-kind.ts";
import { givenUrl, urlVariable } from "./start-server.ts";

/**
 * `describe`, for tests that need a server of this kind. Where it is neither installed nor given by `KIT_<NAME>_URL`, one test stands for them all: skipped, with the
 * command that installs the server, or failed where `KIT_REQUIRE_SERVERS=1`. With `KIT_WITHOUT_SERVERS=1` they are left to another run.
 */
export function whenInstalled(kind: ServerKind, define: () => void): void {
  if (process.env["KIT_WITHOUT_SERVERS"] === "1")
    return leftOut(kind, "KIT_WITHOUT_SERVERS=1 leaves it to another run");
  const missing = givenUrl(kind) === undefined ? missingNeeds(kind) : [];
  if (missing.length === 0) return void describe(`on ${kind.name}`, define);
  absent(kind, `${missing.join(" and ")} not found; install: ${kind.install}`);
}

/** `whenInstalled` for tests that stop, kill or wipe the server, which only one of their own can stand. */
export function whenStartable(kind: ServerKind, define: () => void): void {
  if (givenUrl(kind) === undefined) return whenInstalled(kind, define);
  leftOut(kind, `${urlVariable(kind)} is set, and its server is not ours to hurt`);
}

function leftOut(kind: ServerKind, reason: string): void {
  it(`on ${kind.name} (${reason})`, ({ skip }) => skip(reason));
}

function absent(kind: ServerKind, reason: string): void {
  it(`on ${kind.name} (${reason})`, ({ skip }) => {
    if (process.env["KIT_REQUIRE_SERVERS"] === "1") throw new Error(`${kind.name}: ${reason}`);
    skip(reason);
  });
}
