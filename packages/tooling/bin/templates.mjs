import { makeTemplates } from "../src/templates.mjs";

makeTemplates();
