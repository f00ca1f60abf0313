// Where a page stands: the segments above it, each a link, the last one not.
import { addresses, type Place } from '../router/place.ts'
import { text } from '../text/en.ts'

export type Crumb = { readonly name: string; readonly to: string | null }

const here = (name: string): readonly Crumb[] => [{ name, to: null }]

export const crumbsOf = (place: Place): readonly Crumb[] => {
  switch (place.page) {
    case 'project':
      return [{ name: text.frame.projects, to: addresses.projects }, ...here(place.project)]
    case 'secrets':
      return [{ name: place.project, to: addresses.project(place) }, ...here(text.secrets.title)]
    case 'deliveries':
      return [{ name: place.project, to: addresses.project(place) }, ...here(text.deliveries.title)]
    case 'run':
      return [{ name: place.project, to: addresses.project(place) }, ...here(`#${place.number}`)]
    case 'job':
      return [
        { name: place.project, to: addresses.project(place) },
        { name: `#${place.number}`, to: addresses.run(place) },
        ...here(place.job),
      ]
    case 'project-new':
      return [{ name: text.frame.projects, to: addresses.projects }, ...here(text.newProject.title)]
    case 'projects':
      return here(text.frame.projects)
    case 'tokens':
      return here(text.tokens.title)
    case 'sessions':
      return here(text.people.sessions)
    case 'passkeys':
      return here(text.passkeys.title)
    case 'members':
      return here(text.people.members)
    case 'signers':
      return here(text.signers.title)
    case 'orbs':
      return [{ name: text.frame.projects, to: addresses.projects }, ...here(text.orbs.title)]
    case 'contexts':
      return here(text.contexts.title)
    case 'context':
      return [{ name: text.contexts.title, to: addresses.contexts }, ...here(place.context)]
    case 'runners':
      return here(text.frame.runners)
    case 'api':
      return here(text.api.title)
    case 'errors':
      return place.code === null
        ? here(text.errors.title)
        : [{ name: text.errors.title, to: addresses.errors }, ...here(place.code)]
    case 'status':
      return here(text.frame.system)
    case 'runs':
      return here(text.frame.runs)
    default:
      return here(text.product)
  }
}
