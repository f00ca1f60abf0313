// Where one can go from everywhere: by the palette, and to some by two keys.
import { addresses } from '../router/place.ts'
import { text } from '../text/en.ts'

export type Place = {
  readonly name: string
  readonly to: string
  /** Its keys, and what the list of keys says of them. */
  readonly go?: { readonly keys: string; readonly label: string }
}

export const places: readonly Place[] = [
  { name: text.frame.runs, to: addresses.runs, go: { keys: 'g r', label: text.keys.goRuns } },
  { name: text.frame.projects, to: addresses.projects, go: { keys: 'g p', label: text.keys.goProjects } },
  { name: text.newProject.title, to: addresses.projectNew },
  { name: text.frame.runners, to: addresses.runners, go: { keys: 'g u', label: text.keys.goRunners } },
  { name: text.orbs.title, to: addresses.orbs },
  { name: text.tokens.title, to: addresses.tokens, go: { keys: 'g t', label: text.keys.goAccount } },
  { name: text.people.sessions, to: addresses.sessions },
  { name: text.passkeys.title, to: addresses.passkeys },
  { name: text.preferences.title, to: addresses.preferences },
  { name: text.people.members, to: addresses.members },
  { name: text.allSecrets.title, to: addresses.allSecrets },
  { name: text.signers.title, to: addresses.signers },
  { name: text.contexts.title, to: addresses.contexts },
  { name: text.frame.system, to: addresses.status, go: { keys: 'g s', label: text.keys.goStatus } },
  { name: text.errors.title, to: addresses.errors },
  { name: text.api.title, to: addresses.api },
]
