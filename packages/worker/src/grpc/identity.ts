/** What a certificate says about its owner. */
export interface Identity {
  readonly role: 'coordinator' | 'worker';
  /** Of a worker; empty for coordinators. */
  readonly name: string;
}

/** Names of workers: short, and harmless wherever they are shown. */
export const workerName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The entry of a certificate's subject alternative names that says who it is: `lockstep:worker/NAME`. */
export const identityUri = ({ role, name }: Identity): string =>
  role === 'coordinator' ? 'lockstep:coordinator' : `lockstep:worker/${name}`;

/**
 * Reads the role out of `subjectaltname` as Node prints it, a comma-separated list in which unusual entries are quoted, so that none
 * can pass for another. Undefined where there is no role, or more than one.
 */
export function identityOf(subjectAltNames: string | undefined): Identity | undefined {
  const found = (subjectAltNames ?? '').split(', ').flatMap((entry): Identity[] => {
    if (entry === 'URI:lockstep:coordinator') return [{ role: 'coordinator', name: '' }];
    const name = /^URI:lockstep:worker\/(.*)$/.exec(entry)?.[1];
    return name !== undefined && workerName.test(name) ? [{ role: 'worker', name }] : [];
  });
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Whether a caller may speak in the name of a worker: with certificates only that worker itself may.
 * @param name of the worker; undefined where it is not known, and there is nobody to pass for
 */
export const speaksFor = (identity: Identity | undefined, name: string | undefined): boolean =>
  identity === undefined || name === undefined || (identity.role === 'worker' && identity.name === name);
