// Paths as a job sees them: `~`, relative and absolute forms of a plan become absolute guest paths. Pure text work:
// these paths are only ever used inside a sandbox, never on the host.
import { posix } from 'node:path'
import type { GuestPath } from '../sandbox/index.ts'

/** `path` seen from `base`; `~` and `~/…` are below `home`. */
export const guestPath = (path: string, base: GuestPath, home: GuestPath): GuestPath => {
  if (path === '~') return home
  const from = path.startsWith('~/') ? posix.join(home, path.slice(2)) : path
  // SAFE: posix.resolve with an absolute base always gives an absolute path.
  return withoutTrailingSlash(posix.resolve(base, from)) as GuestPath
}

const withoutTrailingSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
