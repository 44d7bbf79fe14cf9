/** How much CPU time this process has used so far, all its threads together, in µs. */
export function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
