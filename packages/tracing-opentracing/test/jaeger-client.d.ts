/** As much of it as is used: the package has no types of its own. */
declare module "jaeger-client" {
  import type { Span, Tracer } from "opentracing";

  export interface JaegerSpan extends Span {
    readonly _operationName: string;
    readonly _tags: readonly { readonly key: string; readonly value: unknown }[];
    readonly _logs: readonly { readonly fields: readonly { readonly key: string; readonly value: unknown }[] }[];
  }

  interface Reporter {
    readonly spans: JaegerSpan[];
    clear(): void;
  }

  const jaeger: {
    readonly InMemoryReporter: new () => Reporter;
    readonly ConstSampler: new (decision: boolean) => unknown;
    readonly Tracer: new (service: string, reporter: unknown, sampler: unknown) => Tracer & { close(): void };
  };
  export default jaeger;
}
