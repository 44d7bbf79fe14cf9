import { codeOf, type Context, type Endpoint } from "@kit/endpoint";

/** An answer as addsvc's IDLs have it: what came of the business rules stands in the reply itself, where a failure of the call would be an error. */
export interface InBand<Value> {
  readonly value: Value;
  readonly err: string;
}

/** Puts into the reply what the rules refuse, as go-kit's addsvc does on gRPC and Thrift. */
export function inBand<Request, Value>(
  endpoint: Endpoint<Request, { readonly v: Value }>,
  none: Value,
): (request: Request, ctx: Context) => Promise<InBand<Value>> {
  return (request, ctx) =>
    endpoint(request, ctx).then(
      ({ v }) => ({ value: v, err: "" }),
      (error: Error) => {
        if (codeOf(error) !== "invalid_argument") throw error;
        return { value: none, err: error.message };
      },
    );
}

/** Takes it out again. @throws {Error} what the rules refused. */
export function outOfBand<Value>({ value, err }: InBand<Value>): Value {
  if (err !== "") throw new Error(err);
  return value;
}
