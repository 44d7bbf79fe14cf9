import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/test.mjs").then(({ test }) => test(process.argv.slice(2))));
