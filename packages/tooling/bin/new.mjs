import { onSupportedNode } from "../src/node-version.mjs";

onSupportedNode(() => import("../src/new.mjs").then(({ newPackage }) => newPackage(process.argv.slice(2))));
