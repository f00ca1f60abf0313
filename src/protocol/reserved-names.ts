// First path segments of addresses that mean something else than an organisation: no organisation is ever called that. The
// server serves them, and the supervisor refuses the name before anything that runs is stopped.

/** Never a page either (foundation.md §9). */
export const reservedSegments = [
  'api',
  'claim',
  'hooks',
  'runner',
  'events',
  'health',
  'assets',
  '.well-known',
] as const

/** The web's own pages. */
export const pageSegments = [
  'runs',
  'projects',
  'settings',
  'runners',
  'sign-in',
  'join',
  'status',
  'docs',
] as const

export const isReservedName = (name: string): boolean =>
  [...reservedSegments, ...pageSegments].some((word) => word === name)
