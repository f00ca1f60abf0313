// Who may use a context, in the three words that people choose from and are shown.
import type { Context } from '../../protocol/api/contexts.ts'

export const rolesOf = { any: null, developer: ['owner', 'developer'], owner: ['owner'] } as const
export type People = keyof typeof rolesOf
export const peopleWords = ['any', 'developer', 'owner'] as const satisfies readonly People[]

export const peopleOf = (roles: Context['roles']): People =>
  roles === null ? 'any' : roles.includes('developer') ? 'developer' : 'owner'
