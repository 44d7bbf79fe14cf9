import { Resolver } from "node:dns/promises";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServerKind } from "./server-kind.ts";

/** BIND's zone, which takes changes by `nsupdate` from whoever is on this machine, and keeps them over a kill. */
const zone = "kit.test";

const config = (port: number): string => `options {
  directory ".";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  # By default the 101st record of a name is an error.
  max-records-per-type 0;
};
controls {};
# It would print a line for each change.
logging { category update { null; }; };
zone "${zone}" { type primary; file "zone"; allow-update { 127.0.0.1; }; check-integrity no; };
`;

/** A TTL of a second, for records and for their absence; one service for examples. */
const records = `$ORIGIN ${zone}.
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
one A 127.0.0.1
two A 127.0.0.1
_http._tcp.addsvc SRV 0 10 8080 one
_http._tcp.addsvc SRV 0 30 8080 two
`;

/** A name server for {@link zone}; it serves 0.1 s after its start. */
export const bind: ServerKind = {
  name: "bind",
  install: "apt-get install -y --no-install-recommends bind9 bind9-dnsutils",
  needs: ["named", "nsupdate"],
  scheme: "dns://",
  async prepare({ directory, port }) {
    await writeFile(join(directory, "named.conf"), config(port));
    // What it has been told stands in a journal beside the first zone.
    await writeFile(join(directory, "zone"), records, { flag: "wx" }).catch(() => {});
  },
  command: () => ({ file: "named", args: ["-g", "-4", "-n", "1", "-c", "named.conf"] }),
  async probe(url) {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([new URL(url).host]);
    return (await resolver.resolveSoa(zone)).nsname === `ns.${zone}`;
  },
};
