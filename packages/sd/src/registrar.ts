/**
 * Announces one instance to a registry, and keeps it announced: through lost connections, expired leases and a registry that
 * forgot everything. Its maker closes it.
 */
export interface Registrar extends AsyncDisposable {
  /**
   * Resolves when the registry has the instance, which is kept there from then on. Idempotent. After a rejection nothing goes on; call it again.
   *
   * @throws {KitError} `unavailable` when the registry cannot be reached, `deadline_exceeded` when it does not answer, `permission_denied` or
   * `unauthenticated` when it refuses, `canceled` when `deregister` overtakes it, `failed_precondition` once the registrar is closed.
   */
  register(): Promise<void>;
  /**
   * Resolves when the registry no longer has the instance. Idempotent.
   *
   * @throws {KitError} as `register` does; then the instance is no longer kept, and goes when its registry lets it expire.
   */
  deregister(): Promise<void>;
  /** Deregisters, as far as the registry can be reached, and lets go of what the registrar made. Never rejects. Idempotent. */
  close(): Promise<void>;
}
