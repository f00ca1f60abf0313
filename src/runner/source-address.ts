// How a source is named to people and to the job's own `git remote`: as the user wrote it, never with credentials.
import type { Source } from '../protocol/runner-wire.ts'

export const sourceAddress = (source: Source): string => (source.kind === 'ssh' ? source.url : source.path)
