import { enableCompileCache } from 'node:module';
import { freshBundle } from './fresh-bundle.ts';

// The engine's thread begins here. V8 keeps the compiled code of what it loads from one run to the next in Node's folder for it (NODE_COMPILE_CACHE;
// NODE_DISABLE_COMPILE_CACHE=1 does without).
enableCompileCache();
await import(freshBundle('engine') ?? new URL('./engine-service.js', import.meta.url).href);
