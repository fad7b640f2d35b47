import { enableCompileCache } from 'node:module';

// The engine's thread begins here. It loads a few hundred small files, whose compiled code V8 keeps from one run to the next in Node's folder for it
// (NODE_COMPILE_CACHE; NODE_DISABLE_COMPILE_CACHE=1 does without): a sixth of the time to the first step.
enableCompileCache();
await import('./engine-service.ts');
