import './early-threads.ts';

// Where the bundle of the engine's thread begins (scripts/bundle.ts): compute threads are on their way before the rest is loaded.

const { resolveLockstepTo } = await import('../job/resolve-lockstep.ts');
// The bundle has a copy of core of its own, which jobs must get as well.
resolveLockstepTo(import.meta.url);
await import('./engine-service.ts');
