/** A node of the canonical tree: shards `lo` (inclusive) to `hi` (exclusive). */
export interface TreeNode {
  readonly lo: number;
  readonly hi: number;
}

/** Where a node with several shards splits: at `lo` + the largest power of two below its length. Part of the numerics. */
export function splitPoint({ lo, hi }: TreeNode): number {
  let half = 1;
  while (half * 2 < hi - lo) half *= 2;
  return lo + half;
}

export function children(node: TreeNode): readonly [TreeNode, TreeNode] {
  const middle = splitPoint(node);
  return [
    { lo: node.lo, hi: middle },
    { lo: middle, hi: node.hi },
  ];
}

/** The largest nodes of the tree over `root` that lie within shards `from` to `to`, in order. */
export function maximalSubtrees(root: TreeNode, from: number, to: number): TreeNode[] {
  if (root.hi <= from || root.lo >= to) return [];
  if (root.lo >= from && root.hi <= to) return [root];
  return children(root).flatMap((child) => maximalSubtrees(child, from, to));
}

/**
 * Evaluates a tree: `leaf` gives a value for nodes that are at hand (undefined to go deeper, null where nothing is there), `join`
 * combines left and right. A missing side leaves the other as it is.
 */
export function foldTree<T>(
  node: TreeNode,
  leaf: (node: TreeNode) => T | null | undefined,
  join: (left: T, right: T) => T,
): T | null {
  const value = leaf(node);
  if (value !== undefined) return value;
  const [left, right] = children(node).map((child) => foldTree(child, leaf, join)) as [T | null, T | null];
  if (left === null) return right;
  return right === null ? left : join(left, right);
}
