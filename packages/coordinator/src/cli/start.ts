import { enableCompileCache } from 'node:module';
import { freshBundle } from '../service/fresh-bundle.ts';

// The command line, once it is known that this Node will do (bin/lockstep.js).

enableCompileCache();
const { main } = (await import(
  freshBundle('cli') ?? new URL('./main.js', import.meta.url).href
)) as typeof import('./main.ts');
void main(process.argv.slice(2));
