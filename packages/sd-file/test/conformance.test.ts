import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { type RegistrarSubject, type RegistrarUnderTest, testRegistrar } from "@kit/conformance/registrar";
import { fileInstancer, fileRegistrar } from "../src/index.ts";
import { registeredProcess, temporaryDirectory } from "./workbench.ts";

async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
  const temporary = await temporaryDirectory();
  const place = { directory: temporary.path, service: "addsvc" };
  const folder = join(place.directory, place.service);
  const registrars = new Map<string, RegistrarUnderTest>();
  const open: AsyncDisposable[] = [temporary];
  const subject: InstancerSubject & RegistrarSubject = {
    instancer: () => fileInstancer({ ...place, pollMs: 100 }),
    registrar: (instance) => fileRegistrar({ ...place, instance, ttlMs: 3_000 }),
    async set(instances) {
      const wanted = new Map(instances.map((instance) => [JSON.stringify(instance), instance]));
      const before = Array.from(registrars);
      for (const [key, instance] of wanted) {
        if (!registrars.has(key)) registrars.set(key, subject.registrar(instance));
      }
      await Promise.all(Array.from(registrars.values(), (registrar) => registrar.register()));
      for (const [key, registrar] of before) {
        if (wanted.has(key)) continue;
        registrars.delete(key);
        await registrar.close();
      }
    },
    async mortal(instance) {
      const child = await registeredProcess({ ...place, instance, ttlMs: 3_000 });
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
      await Promise.all(Array.from(registrars.values(), (registrar) => registrar.close()));
      for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
    },
  };
}

testInstancer({ setup, supports: { weight: true, zone: true, metadata: true, thousand: true, outages: true } });

testRegistrar({
  setup,
  supports: { weight: true, zone: true, metadata: true, expires: true, recovers: true, outages: true },
});
