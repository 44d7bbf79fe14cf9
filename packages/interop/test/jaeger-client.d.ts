/** As much of it as is used: the package has no types of its own. */
declare module "jaeger-client" {
  import type { Span, Tracer } from "opentracing";

  export type JaegerSpan = Span;

  const jaeger: {
    readonly InMemoryReporter: new () => { readonly spans: JaegerSpan[] };
    readonly ConstSampler: new (decision: boolean) => unknown;
    readonly Tracer: new (service: string, reporter: unknown, sampler: unknown) => Tracer & { close(): void };
  };
  export default jaeger;
}
