import type { Publication } from '../exchange/publication.ts';
import type { FinalPart } from '../replica/replica.ts';
import type { TreeNode } from '../sharding/tree.ts';

/** Nodes of one compute that are put up before they are finished, so that parts of them leave while the rest is computed. */
export class EarlyNodes {
  readonly #offer: (node: TreeNode, values: Float32Array) => Publication;
  readonly #publications = new Map<string, Publication>();

  /** @param offer puts a node up of which nothing is final yet */
  constructor(offer: (node: TreeNode, values: Float32Array) => Publication) {
    this.#offer = offer;
  }

  readonly settle = ({ nodes, slices }: FinalPart): void => {
    for (const { lo, hi, values } of nodes) {
      const publication = this.#publications.get(key({ lo, hi })) ?? this.#offer({ lo, hi }, values);
      this.#publications.set(key({ lo, hi }), publication);
      for (const slice of slices) publication.settle(slice);
    }
  };

  /** All of the node is final. False where it was not put up. */
  finish(node: TreeNode): boolean {
    const publication = this.#publications.get(key(node));
    publication?.finish();
    return publication !== undefined;
  }
}

const key = ({ lo, hi }: TreeNode): string => `${lo}-${hi}`;
