import { describe, expect, it } from "vitest";

/** What a suite needs to know of its cases. */
interface SuiteCase<Capability extends string> {
  /** A sentence whose subject is what is tested. */
  readonly title: string;
  readonly capability?: Capability;
}

/** Runs a suite's cases; one whose capability is lacking is skipped, with the reason that was given. */
export function runCases<Capability extends string, Case extends SuiteCase<Capability>>(
  subject: string,
  cases: readonly Case[],
  supports: Readonly<Record<Capability, true | string>>,
  run: (one: Case) => Promise<void>,
  timeoutMs?: number,
): void {
  describe(subject, () => {
    // Not it.each, which quotes what it puts into a title, and cuts it.
    for (const one of cases) {
      it(one.title, timeoutMs === undefined ? {} : { timeout: timeoutMs }, async ({ skip }) => {
        const support = one.capability === undefined || supports[one.capability];
        if (typeof support === "string") skip(support);
        expect.hasAssertions();
        await run(one);
      });
    }
  });
}

/** Runs one case on what was set up for it, and tears that down. */
export async function onSubject<Subject>(
  { subject, teardown }: { readonly subject: Subject; readonly teardown?: () => Promise<void> },
  run: (subject: Subject) => Promise<void>,
): Promise<void> {
  try {
    await run(subject);
  } finally {
    await teardown?.();
  }
}
