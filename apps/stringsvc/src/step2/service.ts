import type { StringService } from "./contract.ts";

/** The business: it knows nothing of any wire. @see go-kit/examples stringsvc1/main.go */
export const stringService: StringService = {
  async uppercase({ s }) {
    if (s === "") return { v: "", err: "empty string" };
    return { v: s.toUpperCase() };
  },
  async count({ s }) {
    return { v: Buffer.byteLength(s) };
  },
};
