import { layoutOf, type ParameterLayout } from '@lockstep/core/internal';
import { refuse } from './job-refusal.ts';
import { checkUnique } from './names.ts';
import { checkShape } from './numbers.ts';

/**
 * A layout must be the one that its names and shapes give: so entries cannot overlap, leave their vector, or lie askew.
 * @throws JobRefusal
 */
export function checkLayout({ entries, trained, length }: ParameterLayout): void {
  checkUnique(
    entries.map(({ name }) => name),
    'a parameter',
  );
  for (const { name, shape } of entries) checkShape(shape, `parameter "${name}"`);
  const own = layoutOf(
    entries.filter(({ offset }) => offset < trained),
    entries.filter(({ offset }) => offset >= trained),
  );
  entries.forEach(({ name, offset, size }, i) => {
    const is = own.entries[i];
    if (is?.name !== name || is.offset !== offset || is.size !== size)
      refuse(`parameter "${name}" lies at ${offset} with ${size} elements, where its shapes give another layout`);
  });
  if (own.trained !== trained || own.length !== length)
    refuse(`the layout has ${trained} of ${length} elements trained; its shapes give ${own.trained} of ${own.length}`);
}
