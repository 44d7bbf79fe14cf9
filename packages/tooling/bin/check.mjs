import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/check.mjs").then(({ check }) => check()));
