import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/packaging.mjs").then(({ packaging }) => packaging(process.argv.slice(2))));
