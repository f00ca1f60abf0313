// What the palette offers: the verbs of the page, places, projects and runs, in this order. A command that would stop or remove
// something asks first, by the same dialog as its button.
import type { Project, RunView } from '../../protocol/api/shapes.ts'
import { addresses } from '../router/place.ts'
import type { Binding } from '../state/keys.ts'
import { text } from '../text/en.ts'

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

const places: readonly (readonly [string, string, string | null])[] = [
  [text.frame.runs, addresses.runs, 'g r'],
  [text.frame.projects, addresses.projects, 'g p'],
  [text.newProject.title, addresses.projectNew, null],
  [text.frame.runners, addresses.runners, 'g u'],
  [text.orbs.title, addresses.orbs, null],
  [text.tokens.title, addresses.tokens, 'g t'],
  [text.people.sessions, addresses.sessions, null],
  [text.passkeys.title, addresses.passkeys, null],
  [text.preferences.title, addresses.preferences, null],
  [text.people.members, addresses.members, null],
  [text.signers.title, addresses.signers, null],
  [text.contexts.title, addresses.contexts, null],
  [text.frame.system, addresses.status, 'g s'],
  [text.errors.title, addresses.errors, null],
  [text.api.title, addresses.api, null],
]

export const commandsOf = (found: {
  readonly bindings: readonly Binding[]
  readonly own: readonly Command[]
  readonly projects: readonly Pick<Project, 'name'>[]
  readonly views: readonly RunView[]
  readonly organisation: string
}): readonly Command[] => [
  ...verbs(found.bindings),
  ...places.map(([name, to, keys]) => ({ name, group: text.palette.place, keys, act: { to } })),
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
