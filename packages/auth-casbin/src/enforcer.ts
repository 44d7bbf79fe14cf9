import { contextKey, type ContextKey } from "@kit/endpoint";

/** Decides: a {@link loadEnforcer | loaded enforcer}, casbin's own, or whatever stands for one. */
export interface CasbinEnforcer {
  /** @param values - in the order of the model's request definition. */
  enforce(...values: unknown[]): Promise<boolean>;
}

/** The enforcer that let the call pass, for endpoints that ask more of it. @see go-kit CasbinEnforcerContextKey */
export const casbinEnforcer: ContextKey<CasbinEnforcer> = contextKey("@kit/auth-casbin/enforcer");
