// `mayfly config pin`: the exact version of each orb written where a range stands, so that what runs changes only with a
// commit. What a range means is asked where a run of this configuration would find it.
import { writeFile } from 'node:fs/promises'
import { exitCodes } from '../exit-codes.ts'
import { findWorkTree } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import { compileGiven, givenPaths } from '../local/given.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly dryRun?: boolean }

export const pinConfig = async (
  around: Surroundings,
  flags: Flags,
  path: string | undefined,
): Promise<number> => {
  const tree = await findWorkTree(around)
  const [first = around.cwd] = givenPaths(around, tree, path === undefined ? [] : [path])
  const given = await compileGiven(around, tree, first)
  const pins = given.pins().toSorted((a, b) => a.start - b.start)
  let text = given.text
  for (const { start, end, written, exact } of pins.toReversed())
    if (exact !== null)
      text = text.slice(0, start) + text.slice(start, end).replace(written, () => exact) + text.slice(end)
  const isChanged = text !== given.text
  if (isChanged && flags.dryRun !== true) await writeFile(given.file, text)
  for (const { written, exact } of pins) {
    if (exact === null) around.stderr.write(inertText`${written} is not here, in no version that fits\n`)
    else if (exact !== written) around.stdout.write(inertText`${written} → ${exact}\n`)
  }
  if (!isChanged) around.stderr.write(inertText`nothing to pin in ${given.shown}\n`)
  return pins.some(({ exact }) => exact === null) ? exitCodes.invalidConfiguration : exitCodes.success
}
