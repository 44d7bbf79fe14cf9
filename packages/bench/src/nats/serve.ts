// A program: serves one contender.
import { connect } from "@nats-io/transport-node";
import { answer } from "../child.ts";
import { type ServerName, servers } from "./servers.ts";

const [, , name, url, prefix] = process.argv;
const serving = serve();

async function serve(): Promise<void> {
  const [module, connection] = await Promise.all([servers[name as ServerName](), connect({ servers: url! })]);
  module.serve(connection, prefix!);
  await connection.flush();
}

/** How much CPU time it has used, in µs. */
answer(async () => {
  await serving;
  const { user, system } = process.cpuUsage();
  return user + system;
});
