import { EventEmitter } from "node:events";
import { type FSWatcher, watch } from "node:fs";
import { Heard } from "@kit/servers";
import { afterEach, expect, it, vi } from "vitest";
import { fileInstancer, fileRegistrar } from "../src/index.ts";
import { temporaryDirectory } from "./workbench.ts";

vi.mock("node:fs", async (original) => ({ ...(await original<object>()), watch: vi.fn<typeof watch>() }));

afterEach(() => {
  vi.mocked(watch).mockReset();
});

it("finds changes by looking when the system cannot report them, and says so", async () => {
  const error = Object.assign(new Error("ENOSPC: System limit for number of file watchers reached"), {
    code: "ENOSPC",
  });
  vi.mocked(watch).mockImplementation(() => {
    throw error;
  });
  await using temporary = await temporaryDirectory();
  const place = { directory: temporary.path, service: "addsvc" };
  const errors: Error[] = [];
  await using instancer = fileInstancer({ ...place, pollMs: 10, onError: (each) => errors.push(each) });
  await using registrar = fileRegistrar({ ...place, instance: { address: "a" } });
  const heard = new Heard(instancer);
  await heard.until();
  await registrar.register();
  await heard.until("a");
  await registrar.deregister();
  await heard.until();
  expect(errors).toEqual([error]);
});

it("finds changes by looking when the system reports none, and lives on when it reports an error", async () => {
  const silent = Object.assign(new EventEmitter(), { close: vi.fn<() => void>() });
  vi.mocked(watch).mockReturnValue(silent as unknown as FSWatcher);
  await using temporary = await temporaryDirectory();
  const place = { directory: temporary.path, service: "addsvc" };
  const errors: Error[] = [];
  const instancer = fileInstancer({ ...place, pollMs: 10, onError: (each) => errors.push(each) });
  await using registrar = fileRegistrar({ ...place, instance: { address: "a" } });
  const heard = new Heard(instancer);
  await heard.until();
  const error = new Error("EPERM");
  silent.emit("error", error);
  await registrar.register();
  await heard.until("a");
  expect(errors).toEqual([error]);
  await instancer.close();
  expect(silent.close).toHaveBeenCalledOnce();
});
