import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { registrarSet, type RegistrarSubject, testRegistrar } from "@kit/conformance/registrar";
import { registeredProcess } from "@kit/servers";
import { fileInstancer, fileRegistrar } from "../src/index.ts";
import { registrarScript, temporaryDirectory } from "./workbench.ts";

async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
  const temporary = await temporaryDirectory();
  const place = { directory: temporary.path, service: "addsvc" };
  const folder = join(place.directory, place.service);
  const placed = registrarSet((instance) => fileRegistrar({ ...place, instance, ttlMs: 600_000 }));
  const open: AsyncDisposable[] = [temporary];
  const subject: InstancerSubject & RegistrarSubject = {
    instancer: () => fileInstancer({ ...place, pollMs: 100 }),
    registrar: (instance) => fileRegistrar({ ...place, instance, ttlMs: 3_000 }),
    set: placed.set,
    async mortal(instance) {
      const child = await registeredProcess(registrarScript, { ...place, instance, ttlMs: 3_000 });
      open.push(child);
      return () => child.kill();
    },
    expiryMs: 3_100,
    wipeRegistry: () => rm(folder, { recursive: true }),
    async breakRegistry() {
      await rename(folder, `${folder}.away`).catch(() => {});
      await writeFile(folder, "not a folder");
    },
    async healRegistry() {
      await rm(folder);
      await rename(`${folder}.away`, folder).catch(() => {});
    },
  };
  return {
    subject,
    async teardown() {
      await placed.close();
      for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
    },
  };
}

testInstancer({ setup, supports: { weight: true, zone: true, metadata: true, thousand: true, outages: true } });

testRegistrar({
  setup,
  supports: { weight: true, zone: true, metadata: true, expires: true, recovers: true, outages: true },
});
