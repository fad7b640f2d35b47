/** A run of bytes of a chunk that are the payload of HTTP/2 DATA frames: what calls send, without names, flags and lengths. */
export interface PayloadPart {
  readonly from: number;
  readonly to: number;
}

const prefaceBytes = 24;
const headerBytes = 9;
const data = 0;

/** Follows the frames of one direction of a connection through its chunks. */
export class FrameWalk {
  /** Bytes to come of what is being read. */
  #left: number;
  #inPayload: boolean;
  #isData = false;
  #header: number[] = [];

  /** @param fromClient whose side begins with the connection preface */
  constructor(fromClient: boolean) {
    this.#left = fromClient ? prefaceBytes : 0;
    this.#inPayload = fromClient;
  }

  /** The payload of DATA frames within the next bytes. */
  take(chunk: Uint8Array): PayloadPart[] {
    const parts: PayloadPart[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (this.#inPayload && this.#left > 0) {
        const to = Math.min(chunk.length, at + this.#left);
        if (this.#isData) parts.push({ from: at, to });
        this.#left -= to - at;
        at = to;
        continue;
      }
      this.#inPayload = false;
      this.#header.push(chunk[at++] as number);
      if (this.#header.length < headerBytes) continue;
      const [a, b, c, type] = this.#header as [number, number, number, number];
      this.#left = (a << 16) | (b << 8) | c;
      this.#isData = type === data;
      this.#inPayload = true;
      this.#header = [];
    }
    return parts;
  }
}
