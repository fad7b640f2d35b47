import { math } from '@lockstep/core';

/**
 * Empirical entropy of a character given the `order - 1` before it, H(c_n | c_1 ... c_{n-1}), in nats per character, from the
 * text's own counts. No model that sees so few characters can have a lower mean loss on this text, since this one was fitted
 * to it: a model below it has learned from further back.
 *
 * @param order 1 = single characters, 2 = bigrams, 3 = trigrams
 * @throws RangeError if the text has fewer characters than one n-gram
 */
export function conditionalEntropy(text: string, order: number): number {
  const characters = [...text];
  const grams = characters.length - order + 1;
  if (!Number.isInteger(order) || order < 1 || grams < 1) {
    throw new RangeError(
      `A text of ${characters.length} characters has no n-grams of order ${order}; give a longer text.`,
    );
  }
  const gramCounts = new Map<string, { count: number; context: string }>();
  // Only contexts that a character follows count, so that the shares of what follows add up to 1.
  const contextCounts = new Map<string, number>();
  for (let i = 0; i < grams; i++) {
    const context = characters.slice(i, i + order - 1).join('');
    const gram = context + characters[i + order - 1];
    const entry = gramCounts.get(gram);
    if (entry) entry.count++;
    else gramCounts.set(gram, { count: 1, context });
    contextCounts.set(context, (contextCounts.get(context) ?? 0) + 1);
  }
  // A Map keeps the order of the text, so the sum has the same bits everywhere.
  let sum = 0;
  for (const { count, context } of gramCounts.values())
    sum += count * math.log((contextCounts.get(context) as number) / count);
  return sum / grams;
}
