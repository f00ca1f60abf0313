// Who a job is, in the words of its dialect (trust-model.md §5.4). A cloud compares the subject as one text, often with a
// pattern: what people choose (a branch, the path of a repository) is encoded so that it cannot end its part, and where it
// still holds a word that the profile itself uses as a part, there is no subject. Pure.
import { uuidOf } from '../../base/ids.ts'
import type { ProjectSource, TicketClaims } from '../../protocol/vault.ts'

/** Whose run nobody started: a push, a schedule. */
export const nobody = '00000000-0000-0000-0000-000000000000'

export type Subjects = {
  /** `circleci` version 1: nothing in it is chosen by people. */
  readonly first: string
  /** Version 2, with where the source lies and the ref; null: E_SUB_AMBIGUOUS. */
  readonly second: string | null
}

type Who = Pick<TicketClaims, 'org' | 'project' | 'actor' | 'ref'>

export const circleciSubjects = (who: Who, source: ProjectSource): Subjects => {
  const user = who.actor === undefined ? nobody : uuidOf(who.actor)
  const first = `org/${uuidOf(who.org)}/project/${uuidOf(who.project)}/user/${user}`
  const [origin, ref] = [originOf(source), who.ref]
  const isClear = ref !== undefined && ![origin, ref].some(holdsMarker)
  return { first, second: isClear ? `${first}/vcs-origin/${encode(origin)}/vcs-ref/${encode(ref)}` : null }
}

/** As CircleCI writes it: `github.com/owner/repository`. A path of this machine is no host's. */
export const originOf = (source: ProjectSource): string => {
  const path = source.path.replace(/^\/+/, '').replace(/\.git\/?$/, '')
  if (source.kind === 'local') return `file:${source.root}/${path}`
  const port = source.port === 22 ? '' : `:${source.port}`
  return `${source.host.toLowerCase()}${port}/${path}`
}

const markers: ReadonlySet<string> = new Set(['org', 'project', 'user', 'vcs-origin', 'vcs-ref'])
const holdsMarker = (text: string): boolean => text.split('/').some((segment) => markers.has(segment))

/** Percent-encoding of every byte outside `[A-Za-z0-9._/-]`. */
export const encode = (text: string): string =>
  [...new TextEncoder().encode(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return byte < 0x80 && /[A-Za-z0-9._/-]/.test(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
