import { UsageError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';
import type { Initializer } from './init.ts';

/** A tensor that belongs to a model and lies in its flat vector. Its name is its path in the model, given when the job is traced. */
export abstract class ModelTensor extends Tensor {
  /** What it starts as. */
  initializer: Initializer;
  /** False: frozen, training leaves its bits as they are. */
  requiresGrad = true;
  readonly #attributes: { name: string };

  /**
   * @param shape fixed sizes, in PyTorch's order (`[out, in]` for a weight)
   * @throws UsageError where a size is not a whole number of at least 1
   */
  constructor(shape: readonly number[], initializer: Initializer) {
    if (!shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
      throw new UsageError(
        `${new.target.name}: the shape [${shape.join(', ')}] must hold whole numbers of at least 1; correct the sizes given to the layer.`,
      );
    }
    const attributes = { name: '', shape: [...shape], dtype: 'f32' };
    super('parameter', [], attributes, { shape, dtype: 'f32' }, '');
    this.initializer = initializer;
    this.#attributes = attributes;
  }

  get name(): string {
    return this.#attributes.name;
  }

  /** @internal */
  rename(name: string): void {
    this.#attributes.name = name;
  }
}
