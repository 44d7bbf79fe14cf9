// Vitest would load what it is asked to import, and Node what that requires: two copies, of which one does not know the other's exceptions.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export const AddModule = require("./gen/AddService.js") as typeof import("./gen/AddService.js");
export const SuiteModule = require("./gen/Suite.js") as typeof import("./gen/Suite.js");
export const ZooModule = require("./gen/Zoo.js") as typeof import("./gen/Zoo.js");
export const zooTypes = require("./gen/zoo_types.js") as typeof import("./gen/zoo_types.js");
