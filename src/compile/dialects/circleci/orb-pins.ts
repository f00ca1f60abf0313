// Which exact version each reference to a registry orb means here and now, for who wants that written down.

import { entryOf, type SourceNode } from '../../source/node.ts'
import { builtInOrb } from './built-in-orbs.ts'
import { createOrbSource, parseOrbReference } from './orb-source.ts'

export type OrbPin = {
  /** Where the reference stands in the text of the configuration, quotes included. */
  readonly start: number
  readonly end: number
  /** `namespace/orb@1` */
  readonly written: string
  /** `namespace/orb@1.2.3`; null: no version that fits is here. */
  readonly exact: string | null
}

/** Of orbs with a version; those by address, and those that stand built in whatever version is asked for, have none. */
export const orbPins = (
  document: SourceNode,
  files: ReadonlyMap<string, string>,
  orbs: ReadonlyMap<string, string>,
): readonly OrbPin[] => {
  const source = createOrbSource(files, orbs)
  const declared = document.kind === 'map' ? entryOf(document, 'orbs') : null
  const references = declared?.kind === 'map' ? [...declared.entries.values()] : []
  const pins = references.flatMap(({ value }): OrbPin[] => {
    if (value.kind !== 'scalar' || value.templated) return []
    const reference = parseOrbReference(value.text)
    if (!reference || reference.version === null || builtInOrb(reference)) return []
    const { start, end, text: written } = value
    return [{ start, end, written, exact: source.find(reference)?.id ?? null }]
  })
  // An alias stands for what is written once.
  return [...new Map(pins.map((pin) => [pin.start, pin])).values()]
}
