/** Something that a person can mend; the message says what was expected, what came, and what to do. */
export class InstallError extends Error {}
