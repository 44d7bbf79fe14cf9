import type { Done, Link, LinkEvents } from "../src/index.ts";

/** One connection of a {@link fakeLink}, to be driven by hand. */
export interface FakeConnection extends LinkEvents {
  /** What is being written. */
  writing: { readonly text: string; readonly done: Done } | undefined;
  /** What has been written. */
  readonly written: string[];
  idle: number;
  state: "open" | "ended" | "destroyed";
}

/** A link whose connections do nothing by themselves. */
export function fakeLink(datagrams: boolean) {
  const connections: FakeConnection[] = [];
  const link: Link = {
    name: "fake",
    datagrams,
    open(events) {
      const one: FakeConnection = { ...events, writing: undefined, written: [], idle: 0, state: "open" };
      connections.push(one);
      return {
        write: (bytes, done) => {
          if (one.writing !== undefined) throw new Error("two writes at once");
          one.writing = { text: bytes.toString(), done };
        },
        idle: () => void one.idle++,
        end(done) {
          one.state = "ended";
          done();
        },
        destroy: () => void (one.state = "destroyed"),
      };
    },
  };
  return { link, connections, latest: () => connections.at(-1) };
}

/** Ends the write that is under way; says whether there was one. */
export function settle(connection: FakeConnection, error?: Error): boolean {
  const { writing } = connection;
  if (writing === undefined) return false;
  connection.writing = undefined;
  if (error === undefined) connection.written.push(writing.text);
  writing.done(error);
  return true;
}
