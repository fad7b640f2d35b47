/** One element further than has been taken, where that is allowed. */
export class LookAhead<T> {
  readonly #items: Iterator<T>;
  #next: IteratorResult<T> | undefined;

  constructor(items: Iterable<T>) {
    this.#items = items[Symbol.iterator]();
  }

  take(): T | undefined {
    const { done, value } = this.#next ?? this.#items.next();
    this.#next = undefined;
    return done ? undefined : value;
  }

  /** What `take` will give. From here on nothing can change what it is. */
  peek(): T | undefined {
    this.#next ??= this.#items.next();
    return this.#next.done ? undefined : this.#next.value;
  }
}
