declare module "@kit/tooling/src/workspace.mjs" {
  interface Package {
    /** Absolute. */
    readonly path: string;
    readonly manifest: {
      readonly name: string;
      readonly exports?: Readonly<Record<string, string | { readonly default: string }>>;
      readonly dependencies?: Readonly<Record<string, string>>;
      readonly peerDependencies?: Readonly<Record<string, string>>;
      readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional: boolean }>>;
    };
  }
  export function publishedPackages(): Package[];
}
