// What `-R` and `-b` say of where a verb is at work, taken from its options once for all of them: a project may be named with its
// installation, which is needed long before the project is.
import type { Link, Surroundings } from '../surroundings.ts'
import { parseProjectWord } from './project-word.ts'

export const withPlace = <F extends object>(
  around: Surroundings,
  flags: F,
  args: readonly unknown[],
): { readonly around: Surroundings; readonly flags: F } => {
  const { project: word, branch } = flags as { readonly project?: unknown; readonly branch?: unknown }
  // Of a verb that takes several they are names.
  const named = typeof word === 'string' ? parseProjectWord(word) : null
  const wishes = {
    ...{ colour: 'auto' as const, mayAsk: true, ...around.wishes },
    ...{ host: named?.host ?? null, organisation: named?.organisation ?? null },
    pasted: args.map(hostOf).find((host) => host !== null) ?? null,
    branch: typeof branch === 'string' ? branch : null,
    link: once(async () => (await import('./link.ts')).readLink(around)),
  }
  return {
    around: { ...around, wishes },
    flags: named === null ? flags : { ...flags, project: named.project },
  }
}

/** `https://ci.example.org/acme/web/runs/412` */
const hostOf = (word: unknown): string | null =>
  typeof word === 'string' && /^https?:\/\/[^/]+\/[^/]+\/[^/]+\/runs\//.test(word)
    ? (URL.parse(word)?.host ?? null)
    : null

const once = (read: () => Promise<Link | null>): (() => Promise<Link | null>) => {
  let reading: Promise<Link | null> | undefined
  return () => {
    reading ??= read()
    return reading
  }
}
