export { createProject, type CreateProjectOptions, type Project } from "./project.ts";
export type { PackageManager } from "./package-manager.ts";
export { type Template, templates } from "./templates.ts";
export { CreateError, type CreateErrorCode } from "./create-error.ts";
