// Vitest would load what it is asked to import, and Node what that requires: two copies, of which one does not know the other's exceptions.
import { thriftService } from "@kit/transport-thrift";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const service = require("./gen/thrift/Interop.js") as typeof import("./gen/thrift/Interop.js");
export const { Coded } = require("./gen/thrift/interop_types.js") as typeof import("./gen/thrift/interop_types.js");

/** The contract as Thrift's IDL has it. */
export const Interop = thriftService("interop", service, {
  sum: { args: ["a", "b"] },
  echo: { args: ["text"] },
  fail: { args: ["coded"] },
  wait: { args: ["id", "ms"] },
  waited: { args: ["id"] },
  whoami: { args: [] },
});
