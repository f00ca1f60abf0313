// Addresses and the pages they name, both ways. Pure: the address bar itself is router.svelte.ts.

export type Place =
  | {
      readonly page:
        | 'runs'
        | 'projects'
        | 'project-new'
        | 'tokens'
        | 'sessions'
        | 'passkeys'
        | 'members'
        | 'preferences'
        | 'signers'
        | 'all-secrets'
        | 'orbs'
        | 'contexts'
        | 'runners'
        | 'status'
    }
  | { readonly page: 'api' | 'claim' | 'join' | 'sign-in' | 'missing' }
  /** null: all of them. */
  | { readonly page: 'errors'; readonly code: string | null }
  | { readonly page: 'context'; readonly context: string }
  | {
      readonly page: 'project' | 'secrets' | 'deliveries'
      readonly organisation: string
      readonly project: string
    }
  | {
      readonly page: 'run'
      readonly organisation: string
      readonly project: string
      readonly number: number
    }
  | {
      readonly page: 'job'
      readonly organisation: string
      readonly project: string
      readonly number: number
      readonly job: string
    }

const fixed: Readonly<Record<string, Place>> = {
  '': { page: 'runs' },
  runs: { page: 'runs' },
  projects: { page: 'projects' },
  'projects/new': { page: 'project-new' },
  'settings/tokens': { page: 'tokens' },
  'settings/sessions': { page: 'sessions' },
  'settings/passkeys': { page: 'passkeys' },
  'settings/members': { page: 'members' },
  'settings/preferences': { page: 'preferences' },
  'settings/signers': { page: 'signers' },
  'settings/secrets': { page: 'all-secrets' },
  orbs: { page: 'orbs' },
  'settings/contexts': { page: 'contexts' },
  runners: { page: 'runners' },
  status: { page: 'status' },
  'docs/api': { page: 'api' },
  claim: { page: 'claim' },
  join: { page: 'join' },
  'sign-in': { page: 'sign-in' },
}
const missing: Place = { page: 'missing' }

export const placeOf = (pathname: string): Place => {
  const segments = decodeSegments(pathname)
  if (segments === null) return missing
  const known = Object.hasOwn(fixed, segments.join('/')) ? fixed[segments.join('/')] : undefined
  if (known !== undefined) return known
  if (segments[0] === 'docs') return errorsPlace(segments)
  if (segments[0] === 'settings') return contextPlace(segments)
  const [organisation, project, runs, digits, jobs, job] = segments
  if (organisation === undefined || project === undefined) return missing
  if (segments.length === 2) return { page: 'project', organisation, project }
  if (segments.length === 3 && (runs === 'secrets' || runs === 'deliveries'))
    return { page: runs, organisation, project }
  const number = runNumber(digits)
  if (runs !== 'runs' || number === null) return missing
  if (segments.length === 4) return { page: 'run', organisation, project, number }
  if (segments.length === 6 && jobs === 'jobs' && job !== undefined)
    return { page: 'job', organisation, project, number, job }
  return missing
}

/** What `type` of a problem names (server/http/error-kinds.ts). */
const errorsPlace = ([, errors, code, more]: readonly string[]): Place =>
  errors === 'errors' && more === undefined ? { page: 'errors', code: code ?? null } : missing

const contextPlace = ([, contexts, context, more]: readonly string[]): Place =>
  contexts === 'contexts' && context !== undefined && more === undefined
    ? { page: 'context', context }
    : missing

type ProjectAddress = { readonly organisation: string; readonly project: string }
type RunAddress = ProjectAddress & { readonly number: number }

export const addresses = {
  runs: '/runs',
  projects: '/projects',
  projectNew: '/projects/new',
  tokens: '/settings/tokens',
  sessions: '/settings/sessions',
  passkeys: '/settings/passkeys',
  preferences: '/settings/preferences',
  members: '/settings/members',
  signers: '/settings/signers',
  allSecrets: '/settings/secrets',
  orbs: '/orbs',
  contexts: '/settings/contexts',
  context: (name: string) => `/settings/contexts/${encodeURIComponent(name)}`,
  runners: '/runners',
  status: '/status',
  signIn: '/sign-in',
  errors: '/docs/errors',
  api: '/docs/api',
  error: (code: string) => `/docs/errors/${encodeURIComponent(code)}`,
  project: (to: ProjectAddress) => `/${join(to.organisation, to.project)}`,
  secrets: (to: ProjectAddress) => `/${join(to.organisation, to.project, 'secrets')}`,
  deliveries: (to: ProjectAddress) => `/${join(to.organisation, to.project, 'deliveries')}`,
  run: (to: RunAddress) => `/${join(to.organisation, to.project, 'runs', String(to.number))}`,
  job: (to: RunAddress & { readonly job: string }) =>
    `/${join(to.organisation, to.project, 'runs', String(to.number), 'jobs', to.job)}`,
}

/** `path` with these words as its query; absent and empty ones are left out. */
export const withQuery = (path: string, words: Readonly<Record<string, string | undefined>>): string => {
  const kept = Object.entries(words).filter((pair): pair is [string, string] => (pair[1] ?? '') !== '')
  return kept.length === 0 ? path : `${path}?${new URLSearchParams(kept)}`
}

/** Where somebody was going who had to sign in first. Only a path of ours: `//evil.example` is none for a browser, and it leaves out tabs and line ends. */
export const nextOf = (query: URLSearchParams): string => {
  const wanted = query.get('next') ?? ''
  return /^\/[^/\\\t\r\n][^\t\r\n]*$/.test(wanted) ? wanted : addresses.runs
}

/** Lines of one step: `#s4L120` or `#s4L120-L140`. */
export type LineRange = { readonly step: number; readonly from: number; readonly to: number }

export const parseLineRange = (hash: string): LineRange | null => {
  const match = /^#s(\d{1,5})L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(hash)
  if (match === null) return null
  const [step, a, b] = [Number(match[1]), Number(match[2]), Number(match[3] ?? match[2])]
  return a < 1 || b < 1 ? null : { step, from: Math.min(a, b), to: Math.max(a, b) }
}

export const formatLineRange = ({ step, from, to }: LineRange): string =>
  from === to ? `#s${step}L${from}` : `#s${step}L${from}-L${to}`

const join = (...segments: readonly string[]): string => segments.map(encodeURIComponent).join('/')

const decodeSegments = (pathname: string): readonly string[] | null => {
  try {
    return pathname.split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    // Not percent-encoding: somebody typed it. It names no page.
    return null
  }
}

const runNumber = (digits: string | undefined): number | null =>
  digits !== undefined && /^[1-9]\d{0,9}$/.test(digits) ? Number(digits) : null
