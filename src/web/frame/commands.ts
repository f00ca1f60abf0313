// What the palette offers: the verbs of the page, places, projects and runs, in this order. A command that would stop or remove
// something asks first, by the same dialog as its button.
import type { Project, RunView } from '../../protocol/api/shapes.ts'
import { addresses } from '../router/place.ts'
import type { Binding } from '../state/keys.ts'
import { text } from '../text/en.ts'
import { places } from './places.ts'

export type Command = {
  readonly name: string
  readonly group: string
  /** Its key, where it has one. */
  readonly keys: string | null
  readonly act: { readonly to: string } | { readonly run: () => void }
}

const shownMax = 50

const verbs = (bindings: readonly Binding[]): readonly Command[] =>
  bindings
    .filter(({ notACommand }) => notACommand !== true)
    .map(({ keys, label, run }) => ({ name: label, group: text.palette.page, keys, act: { run } }))

export const commandsOf = (found: {
  readonly bindings: readonly Binding[]
  readonly own: readonly Command[]
  readonly projects: readonly Pick<Project, 'name'>[]
  readonly views: readonly RunView[]
  readonly organisation: string
}): readonly Command[] => [
  ...verbs(found.bindings),
  ...places.map(({ name, to, go }) => ({
    ...{ name, group: text.palette.place, keys: go?.keys ?? null, act: { to } },
  })),
  ...found.views.map(({ name, query }) => ({
    ...{ name, group: text.runs.views, keys: null, act: { to: `${addresses.runs}?${query}` } },
  })),
  ...found.projects.map(({ name }) => ({
    ...{ name, group: text.palette.project, keys: null },
    act: { to: addresses.project({ organisation: found.organisation, project: name }) },
  })),
  ...found.own,
]

/** Every word that was typed stands somewhere in the name or its group; names that begin so come first. */
export const matching = (commands: readonly Command[], typed: string): readonly Command[] => {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  const hits = commands.filter(({ name, group }) => {
    const all = `${name} ${group}`.toLowerCase()
    return words.every((word) => all.includes(word))
  })
  const first = words[0] ?? ''
  const begins = ({ name }: Command): boolean => first !== '' && name.toLowerCase().startsWith(first)
  return [...hits.filter(begins), ...hits.filter((hit) => !begins(hit))].slice(0, shownMax)
}
