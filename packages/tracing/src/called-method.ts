import { callInfo, type Context } from "@kit/endpoint";

/** What `traced` takes, whatever the library: the description of a method that `implement` hands to its middleware fits as it is. */
export interface TracedMethodOptions {
  /** Whose method is called. @default on a server what `callInfo` in the context says, else none */
  readonly service?: string;
  /** The method, or any other name for the work. @default on a server what `callInfo` in the context says, else `endpoint` */
  readonly name?: string;
  /** Whether a response that carries a business failure leaves its span unmarked; the failure is named either way. @default false, as in go-kit */
  readonly ignoreBusinessErrors?: boolean;
}

/** Which method a call is of; what is not known of it is empty. */
export interface CalledMethod {
  readonly service: string;
  readonly name: string;
  readonly transport: string;
  /** `<service>/<name>`, or the name alone; without that `endpoint`. */
  readonly spanName: string;
}

export interface CalledMethodOptions {
  readonly service?: string | undefined;
  readonly name?: string | undefined;
  readonly transport?: string | undefined;
  /** Whether `callInfo` in the context says the rest: on a server only, since a client's context may still be that of the call it is a part of. */
  readonly served: boolean;
}

/**
 * What all spans of a method have in common, made once and not for each call. Use one for each endpoint: that is nearly always called
 * under one name, so the last method is kept and no other.
 *
 * @returns gives what `make` has made of the method of a call.
 */
export function calledMethod<Method>(
  options: CalledMethodOptions,
  make: (called: CalledMethod) => Method,
): (ctx: Context) => Method {
  const { service, name, transport, served } = options;
  let called = describe(service, name, transport);
  let method = make(called);
  if (!served || (service !== undefined && name !== undefined && transport !== undefined)) return () => method;

  return (ctx) => {
    const info = ctx.get(callInfo);
    const calledService = service ?? info?.service ?? "";
    const calledName = name ?? info?.method ?? "";
    const over = transport ?? info?.transport ?? "";
    if (called.service !== calledService || called.name !== calledName || called.transport !== over) {
      const other = describe(calledService, calledName, over);
      method = make(other);
      called = other;
    }
    return method;
  };
}

function describe(service = "", name = "", transport = ""): CalledMethod {
  return { service, name, transport, spanName: service === "" ? name || "endpoint" : `${service}/${name}` };
}
