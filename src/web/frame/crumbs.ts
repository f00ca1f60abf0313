// Where a page stands: the segments above it, each a link, the last one not.
import type { Run } from '../../protocol/api/shapes.ts'
import { addresses, type Place, withQuery } from '../router/place.ts'
import { text } from '../text/en.ts'

/** What stands beside a segment. */
export type Menu =
  | { readonly kind: 'projects' }
  | { readonly kind: 'jobs' }
  | { readonly kind: 'branches'; readonly project: string }
  | { readonly kind: 'runs'; readonly project: string; readonly branch: string | null }
export type Crumb = {
  readonly name: string
  readonly to: string | null
  readonly menu?: Menu
  /** Left out where there is no room. */
  readonly isMinor?: true
}
type OfProject = { readonly organisation: string; readonly project: string }

const here = (name: string): readonly Crumb[] => [{ name, to: null }]

const projectCrumb = (place: OfProject, isLast = false): Crumb => ({
  ...{ name: place.project, to: isLast ? null : addresses.project(place), menu: { kind: 'projects' } },
})

/** The branch is known once the run is. */
const runCrumbs = (
  place: OfProject & { readonly number: number },
  run: Run | null,
  isLast: boolean,
): readonly Crumb[] => {
  const known = run?.number === place.number && run.project.name === place.project ? run.event.branch : null
  const { project } = place
  const branch: Crumb[] =
    known === null
      ? []
      : [
          {
            ...{ name: known, to: withQuery(addresses.runs, { project, branch: known }), isMinor: true },
            menu: { kind: 'branches', project },
          },
        ]
  return [
    projectCrumb(place),
    ...branch,
    {
      ...{ name: `#${place.number}`, to: isLast ? null : addresses.run(place) },
      menu: { kind: 'runs', project, branch: known },
    },
  ]
}

/** `run`: the one the page is about, when it is there. */
export const crumbsOf = (place: Place, run: Run | null = null): readonly Crumb[] => {
  switch (place.page) {
    case 'project':
      return [{ name: text.frame.projects, to: addresses.projects }, projectCrumb(place, true)]
    case 'secrets':
      return [projectCrumb(place), ...here(text.secrets.title)]
    case 'deliveries':
      return [projectCrumb(place), ...here(text.deliveries.title)]
    case 'run':
      return runCrumbs(place, run, true)
    case 'job':
      return [...runCrumbs(place, run, false), { name: place.job, to: null, menu: { kind: 'jobs' } }]
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
    case 'preferences':
      return here(text.preferences.title)
    case 'members':
      return here(text.people.members)
    case 'all-secrets':
      return here(text.allSecrets.title)
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
