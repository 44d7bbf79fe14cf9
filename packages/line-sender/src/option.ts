export function wrongOption(name: string, option: string, rule: string, got: unknown): TypeError {
  return new TypeError(`${name}: ${option} must be ${rule}, got ${String(got)}`);
}

export function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
