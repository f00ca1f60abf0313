// Which variable of a step holds a token. Its name is also what stands in the log instead of the token.
import type { IdentityPayload } from '../../protocol/identity.ts'
import { identityVariable } from '../../protocol/job-commands.ts'

export type IdentityToken = IdentityPayload['tokens'][number]

const ofOrganisation = {
  'circleci-1': 'CIRCLE_OIDC_TOKEN',
  'circleci-2': 'CIRCLE_OIDC_TOKEN_V2',
} as const

export const variableOf = ({ audience, profile }: Pick<IdentityToken, 'audience' | 'profile'>): string =>
  audience === null ? ofOrganisation[profile] : identityVariable
