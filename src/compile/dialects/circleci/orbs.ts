// Orbs are not carried out yet. What is here finds every use of one, so that a single problem per orb names it, the
// elements a project needs from it and what to do. Expanding orbs will take the place of `use`.

import type { Problems } from '../../problems.ts'
import { lineOf, type Spot } from '../../source/file.ts'
import { entryOf, type MapNode } from '../../source/node.ts'
import { readMap } from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'

export interface OrbTable {
  /** Notes the use of `orb/element`. True when `name` has that form; a problem is then reported or sure to come. */
  use(name: string, at: Spot): boolean
  /** One problem for each declared orb. */
  report(): void
}

type Orb = { readonly at: Spot; readonly reference: string | null; readonly uses: Map<string, Spot> }

export const createOrbTable = (problems: Problems, root: MapNode, interpolates: boolean): OrbTable => {
  const orbs = interpolates ? readOrbs(problems, root) : new Map<string, Orb>()
  return {
    use: (name, at) => {
      const slash = name.indexOf('/')
      if (slash < 1 || !interpolates) return false
      const orb = orbs.get(name.slice(0, slash))
      if (!orb) {
        const help = didYouMean(name.slice(0, slash), orbs.keys())
        problems.add('E_ORB_UNKNOWN', at, `"${name}" names an orb that is not declared under "orbs"`, help)
      } else if (!orb.uses.has(name)) orb.uses.set(name, at)
      return true
    },
    report: () => {
      for (const [name, orb] of orbs) reportOrb(problems, name, orb)
    },
  }
}

const readOrbs = (problems: Problems, root: MapNode): Map<string, Orb> => {
  const orbs = new Map<string, Orb>()
  const node = entryOf(root, 'orbs')
  const declared = node && readMap(problems, node, '"orbs"')
  for (const { key, value } of declared?.entries.values() ?? []) {
    const reference = value.kind === 'scalar' ? value.text : null
    orbs.set(key.text, { at: key, reference, uses: new Map() })
  }
  return orbs
}

const reportOrb = (problems: Problems, name: string, orb: Orb): void => {
  const what = orb.reference === null ? `the inline orb "${name}"` : `the orb "${name}" (${orb.reference})`
  if (orb.uses.size === 0) {
    problems.add('W_ORB_UNUSED', orb.at, `${what} is declared and not used; orbs are not supported yet`)
    return
  }
  const uses = [...orb.uses].map(([use, at]) => `${use} (line ${lineOf(at)})`)
  const shown = uses.length > 8 ? [...uses.slice(0, 8), `${uses.length - 8} more`] : uses
  problems.add(
    'E_ORB_UNSUPPORTED',
    orb.at,
    `${what} cannot be used: orbs are not supported yet`,
    `write these as commands, jobs or executors of this file: ${shown.join(', ')}`,
  )
}
