/** A subject that names one place: no spaces, no wildcards, no empty token. @throws {TypeError} for any other. */
export function subjectOf(where: string, subject: string): string {
  if (typeof subject !== "string" || !/^[^\s\p{Cc}.*>]+(\.[^\s\p{Cc}.*>]+)*$/u.test(subject))
    throw new TypeError(`${where}: "${subject}" cannot be a subject`);
  return subject;
}

/** A queue group's name. @throws {TypeError} for one with spaces or wildcards. */
export function queueOf(where: string, queue: string): string {
  if (typeof queue !== "string" || !/^[^\s\p{Cc}*>]+$/u.test(queue))
    throw new TypeError(`${where}: "${queue}" cannot be a queue group`);
  return queue;
}

/** Where a caller tells the servers of a subject that it waits no longer, with its reply subject as the message. */
export function cancelSubject(subject: string): string {
  return `${subject}.$cancel`;
}
