export { type LineSender, lineSender, type LineSenderOptions } from "./line-sender.ts";
export { type Frame, newline, octetCounting, unframed } from "./frame.ts";
export type { Connection, Done, Link, LinkEvents } from "./link.ts";
export { type LinkOptions, linkTo } from "./link-to.ts";
export type { UnixDgramSocket } from "./unix-dgram-link.ts";
