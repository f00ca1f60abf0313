// Which repository a source is, for comparing: the runner says what it has fetched from, the vault knows what it has pinned.
import type { Source } from './runner-wire.ts'

/** A source in one spelling: what a runner has fetched from, and what the vault has pinned. */
export const repositoryOf = (source: Source): string => {
  const path = source.path.replace(/^\/+/, '')
  if (source.kind === 'local') return `file:${source.root}/${path}`
  return `ssh://${source.user}@${source.host.toLowerCase()}:${source.port}/${path}`
}

export const urlOf = (source: Source): string | undefined => (source.kind === 'ssh' ? source.url : undefined)
