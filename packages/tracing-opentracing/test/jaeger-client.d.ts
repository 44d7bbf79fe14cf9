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
    /** One that reports to a collector over HTTP. */
    readonly initTracer: (
      config: {
        readonly serviceName: string;
        readonly sampler: { readonly type: "const"; readonly param: number };
        readonly reporter: { readonly collectorEndpoint: string; readonly timeoutMs: number };
      },
      options: { readonly logger: { info(text: string): void; error(text: string): void } },
    ) => Tracer & { close(done: () => void): void };
    readonly InMemoryReporter: new () => Reporter;
    readonly ConstSampler: new (decision: boolean) => unknown;
    readonly Tracer: new (service: string, reporter: unknown, sampler: unknown) => Tracer & { close(): void };
  };
  export default jaeger;
}
