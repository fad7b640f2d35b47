import { setTimeout } from 'node:timers/promises';
import { Replica, SumsEncoder, WorkerCore } from '@lockstep/worker';
import { main } from '../../packages/coordinator/dist/cli/main.js';

// `lockstep worker` of a machine that is not as it should be: FAULT says in what way, FAULT_FROM from which step (update) on.

const { FAULT: fault, FAULT_FROM: from = '1' } = process.env;
const { compute, update } = Replica.prototype;
const { handle } = WorkerCore.prototype;
const { encode } = SumsEncoder.prototype;
let updates = 0;
let encoded = 0;

switch (fault) {
  /** Shards take 200 ms more. */
  case 'slow':
    Replica.prototype.compute = async function (request, onFinal) {
      const computed = await compute.call(this, request, onFinal);
      if (request.kind !== 'train' || request.step + 1 < Number(from) || computed.status !== 'computed')
        return computed;
      const startedMs = performance.now();
      await setTimeout(200);
      return { ...computed, computeMs: computed.computeMs + performance.now() - startedMs };
    };
    break;
  /** It never finishes its shards, and says when it has some. */
  case 'stuck':
    Replica.prototype.compute = () => {
      process.stderr.write('computing\n');
      return new Promise(() => undefined);
    };
    break;
  /** A bit of the weights flips in memory. */
  case 'memory':
    Replica.prototype.update = function (request) {
      const { parameters } = this.state;
      const words = new Uint32Array(parameters.buffer, parameters.byteOffset, 1);
      if (++updates === Number(from)) words[0] = (words[0] as number) ^ 1;
      return update.call(this, request);
    };
    break;
  /** One compressed gradient is none. */
  case 'garbled':
    SumsEncoder.prototype.encode = function (values) {
      const bytes = encode.call(this, values);
      if (++encoded === Number(from)) bytes.fill(0x77, 0, 4);
      return bytes;
    };
    break;
  /** Its release has other kernels, or another numerics version. */
  case 'kernels':
  case 'numerics':
    WorkerCore.prototype.handle = function (nowMs, input) {
      const effects = handle.call(this, nowMs, input);
      for (const effect of effects) {
        if (effect.kind !== 'send' || effect.message.message?.case !== 'hello') continue;
        const hello = effect.message.message.value;
        if (fault === 'kernels') hello.kernelsHash = 'ab'.repeat(32);
        else hello.numericsVersion = 99;
      }
      return effects;
    };
    break;
  default:
    throw new Error(`FAULT=${fault} is none`);
}

await main(process.argv.slice(2));
