// Functions.
export { lambdaHandler, type LambdaHandlerOptions, type LambdaReply, type LambdaServerOptions } from "./handler.ts";
export { Invocation } from "./invocation.ts";
export type { LambdaContext, LambdaFunction } from "./lambda-context.ts";
export { type LambdaCall, serveLambda, type ServeLambdaOptions } from "./serve.ts";

// Clients.
export {
  connectLambda,
  type ConnectLambdaOptions,
  type Invoke,
  type LambdaAnswer,
  lambdaClient,
  type LambdaClientCommon,
  type LambdaClientOptions,
  type LambdaMessage,
} from "./client.ts";
