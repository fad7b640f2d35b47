import { resolveLockstepTo } from '../job/resolve-lockstep.ts';

// Where the bundle of the command line begins (scripts/bundle.ts). It has a copy of core of its own, which jobs must get as well.

export { main } from './main.ts';

resolveLockstepTo(import.meta.url);
