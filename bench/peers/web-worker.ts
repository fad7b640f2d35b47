import { resolveObjectURL } from 'node:buffer';
import { Worker as NodeWorker } from 'node:worker_threads';

/** Runs in the worker: the globals of a web worker, then the script it was given as a blob. */
const loader = `
const { parentPort, workerData } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
workerData.text().then(async (code) => {
  await import('data:text/javascript,' + encodeURIComponent(code));
  parentPort.on('message', (data) => globalThis.onmessage?.({ data }));
});`;

class WebWorker {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  readonly #worker: NodeWorker;

  constructor(url: string) {
    this.#worker = new NodeWorker(loader, { eval: true, workerData: resolveObjectURL(url) });
    this.#worker.on('message', (data) => this.onmessage?.({ data }));
    this.#worker.on('error', (error) => this.onerror?.({ message: String(error) }));
  }

  postMessage(message: unknown): void {
    this.#worker.postMessage(message);
  }

  terminate(): void {
    void this.#worker.terminate();
  }
}

// Node has no web workers; jax-js, which was written for browsers, looks for them when it is loaded and runs on one thread without.
Object.assign(globalThis, { Worker: WebWorker });
