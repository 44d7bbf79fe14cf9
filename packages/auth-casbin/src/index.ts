export { casbinAuthorizer, type CasbinAuthorizerOptions, type CasbinValue } from "./authorizer.ts";
export { type CasbinEnforcer, casbinEnforcer } from "./enforcer.ts";
export { type CasbinText, type LoadedEnforcer, loadEnforcer, type LoadEnforcerOptions } from "./load-enforcer.ts";
