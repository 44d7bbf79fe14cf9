import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { ServerKind } from "./server-kind.ts";

const libraries = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/rsyslog`;

const fields = {
  facility: "syslogfacility-text",
  severity: "syslogseverity-text",
  version: "protocol-version",
  time: "timereported",
  hostname: "hostname",
  appName: "app-name",
  procId: "procid",
  msgId: "msgid",
  data: "structured-data",
  msg: "msg",
  raw: "rawmsg",
  input: "inputname",
};

const config = (directory: string, [port, tlsPort]: readonly number[]): string => `
global(
  workDirectory="${directory}" net.enableDNS="off"
  defaultNetstreamDriverCAFile="${directory}/cert.pem"
  defaultNetstreamDriverCertFile="${directory}/cert.pem"
  defaultNetstreamDriverKeyFile="${directory}/key.pem"
)
# One, so that lines stand in the order in which they came.
main_queue(queue.workerThreads="1")
module(load="imudp")
module(load="imtcp")
module(load="imptcp")
module(load="imuxsock" sysSock.use="off")
template(name="file" type="string" string="${directory}/logs/%app-name%")
template(name="line" type="list" option.jsonf="on") {
${Object.entries(fields)
  .map(
    ([name, property]) =>
      `  property(outname="${name}" name="${property}" format="jsonf"${name === "time" ? ' dateFormat="rfc3339"' : ""})`,
  )
  .join("\n")}
}
ruleset(name="all") { action(type="omfile" dynaFile="file" template="line") }
input(type="imudp" address="127.0.0.1" port="${port}" rcvbufSize="8m" ruleset="all")
input(type="imptcp" address="127.0.0.1" port="${port}" ruleset="all")
input(type="imptcp" path="${directory}/stream" unlink="on" ruleset="all")
input(type="imuxsock" socket="${directory}/dgram" useSpecialParser="off" parseHostname="on" rateLimit.interval="0" ruleset="all")
input(
  type="imtcp" address="127.0.0.1" port="${tlsPort}" ruleset="all"
  streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"
)
`;

/**
 * rsyslogd, with UDP and TCP on its first port, TLS on its second, and in its folder the unix sockets `stream` and `dgram`. `cert.pem` and `key.pem` there are its own and
 * those that it wants of a client. It writes each message as a line of JSON into `logs/<app name>`, `raw` being all that it got.
 */
export const rsyslog: ServerKind = {
  name: "rsyslog",
  install: "apt-get install -y --no-install-recommends rsyslog rsyslog-gnutls openssl",
  needs: ["rsyslogd", "openssl", `${libraries}/lmnsd_gtls.so`],
  ports: 2,
  scheme: "syslog://",
  async prepare({ directory, ports }) {
    await mkdir(join(directory, "logs"), { recursive: true });
    await writeFile(join(directory, "rsyslog.conf"), config(directory, ports));
    const isThere = await access(join(directory, "cert.pem")).then(
      () => true,
      () => false,
    );
    if (!isThere) await certify(directory);
  },
  command: () => ({ file: "rsyslogd", args: ["-n", "-f", "rsyslog.conf", "-iNONE"] }),
  async probe(_, { directory, port }) {
    const id = randomUUID();
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1").on("error", reject);
      socket.resume().end(`<14>1 - - probe - - - ${id}\n`, resolve);
    });
    for (let tries = 0; tries < 50; tries++) {
      const text = await readFile(join(directory, "logs/probe"), "utf8").catch(() => "");
      if (text.includes(id)) return true;
      await delay(20);
    }
    return false;
  },
};

/** A certificate of its own for a day, or two. */
async function certify(cwd: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem"];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  await promisify(execFile)("openssl", ["req", "-x509", ...key, ...name, "-days", "2", "-out", "cert.pem"], { cwd });
}
