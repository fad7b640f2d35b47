/** Version of the packages; a job defined by another version is refused. */
export const version = '0.1.0';
