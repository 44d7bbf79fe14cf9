/** What a line of so many bytes looks like on the wire. What is put around it must be ASCII. */
export type Frame = (line: string, bytes: number) => string;

/** Each line ends in a newline. One inside it ends it, too. */
export const newline: Frame = (line) => `${line}\n`;

/** Each line begins with its length. @see RFC 6587, 3.4.1 */
export const octetCounting: Frame = (line, bytes) => `${bytes} ${line}`;

/** The line alone, where a datagram is a line. */
export const unframed: Frame = (line) => line;
