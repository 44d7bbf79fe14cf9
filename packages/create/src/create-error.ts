/**
 * - `invalid_argument`: a name that npm does not take, a flag that does not exist;
 * - `not_found`: no such template;
 * - `already_exists`: something is where the project would go.
 */
export type CreateErrorCode = "invalid_argument" | "not_found" | "already_exists";

/** Says in one sentence, meant for the user, why there is no project. */
export class CreateError extends Error {
  override readonly name = "CreateError";
  readonly code: CreateErrorCode;

  constructor(code: CreateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
