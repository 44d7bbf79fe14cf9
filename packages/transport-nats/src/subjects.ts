import type { Method, Service } from "@kit/service";
import { subjectOf } from "./subject.ts";

/** Where a service is on the wire; the same on both sides. */
export interface NatsSubjects<S extends Service> {
  /** What comes before `.<method>` in the subjects. @default the service's name */
  readonly prefix?: string;
  /** The whole subject of single methods. @default `<prefix>.<method>` */
  readonly subjects?: { readonly [K in keyof S["methods"]]?: string };
}

/** The subject of each method, by its name. @throws {TypeError} for what cannot be a subject, or for a method that is not the service's. */
export function subjectsOf<S extends Service>(
  where: string,
  service: S,
  { prefix = service.name, subjects = {} }: NatsSubjects<S>,
): Map<string, string> {
  const own = new Map(Object.entries<string>(subjects as Record<string, string>));
  for (const name of own.keys()) {
    if (!Object.hasOwn(service.methods, name)) throw new TypeError(`${where}: ${service.name} has no method "${name}"`);
  }
  return new Map(
    Object.values<Method>(service.methods).map(({ name }) => [
      name,
      subjectOf(where, own.get(name) ?? `${prefix}.${name}`),
    ]),
  );
}
