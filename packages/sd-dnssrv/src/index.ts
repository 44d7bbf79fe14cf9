export { dnssrvInstancer, type DnssrvInstancerOptions } from "./instancer.ts";
