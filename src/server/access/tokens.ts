// API tokens: shown once, stored as SHA-256, always with scopes and an end. A personal token never may more than its
// creator may now; the operator makes service tokens, which owners see and revoke. Tokens make no tokens.
import type { RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { ProjectId, TokenId } from '../../base/ids.ts'
import { Secret } from '../../base/secret.ts'
import type { NewId } from '../new-id.ts'
import { type Actor, actorId, mayUse, scopeOfOrganisation, type TokenBearer } from './actor.ts'
import { writeAudit } from './audit.ts'
import { hashOf } from './hashed.ts'
import { limits } from './limits.ts'
import * as queries from './queries.ts'
import { isTokenScope, scopesOfAll, tokenScopes, type Verb } from './roles.ts'
import { formatToken, isTokenText } from './token-format.ts'

const tokenBytes = 32
const prefixLength = 8

export type TokenInput = {
  readonly name: string
  readonly scopes: readonly string[]
  readonly days: number
  /** By id or name; left out: all. */
  readonly projects?: readonly string[] | undefined
}

export type Tokens = {
  list(actor: Actor): Promise<readonly queries.TokenRow[]>
  create(
    actor: Actor,
    input: TokenInput,
  ): Promise<{ readonly row: queries.TokenRow; readonly secret: Secret<string> }>
  revoke(actor: Actor, token: string): Promise<void>
  findBearer(text: string): Promise<TokenBearer | null>
  /** Why somebody with this token is not let in. */
  whyRefused(text: string): Promise<string>
  findAgain(id: TokenId): Promise<TokenBearer | null>
}

type Deps = {
  readonly db: queries.Database
  readonly keyed: queries.Database
  readonly randomBytes: RandomBytes
  readonly newId: NewId
  readonly tellEnded: (id: string) => void
}

export const createTokens = (deps: Deps): Tokens => ({
  list: (actor) => queries.listTokens(deps.db, ownersOf(actor)),
  create: (actor, input) => create(deps, actor, input),
  revoke: async (actor, token) => {
    await deps.db.transaction().execute(async (tx) => {
      if (!(await queries.revokeToken(tx, ownersOf(actor), token))) throw fault('E_NOT_FOUND')
      await writeAudit(tx, actor, { action: 'token.revoke', target: token, result: 'ok' })
    })
    deps.tellEnded(token)
  },
  findBearer: async (text) => {
    if (!isTokenText(text)) return null
    const member = await queries.findToken(deps.keyed, hashOf(text))
    if (member !== null && !member.usedThisHour) await queries.touchToken(deps.db, member.id)
    return bearerOf(member)
  },
  whyRefused: async (text) => {
    const end = isTokenText(text) ? await queries.findTokenEnd(deps.db, hashOf(text)) : null
    return end === null ? 'The token is not valid' : `The token ended ${end.toISOString()}: make another`
  },
  findAgain: async (id) => bearerOf(await queries.findTokenAgain(deps.db, id)),
})

const create = async (deps: Deps, actor: Actor, input: TokenInput) => {
  const scopes = checkedScopes(actor, input.scopes)
  const projects = input.projects === undefined ? null : await checkedProjects(deps, actor, input.projects)
  if (projects !== null) refuseScopesOfAll(scopes)
  const service = actor.kind !== 'user'
  const secret = formatToken(service ? 'mfs' : 'mfp', deps.randomBytes(tokenBytes))
  const row = await deps.db.transaction().execute(async (tx) => {
    if (actor.kind === 'user') await queries.requireEnabled(tx, actor.user)
    if ((await queries.countTokens(tx, ownersOf(actor))) >= limits.tokensPerOwnerMax)
      throw fault('E_CONFLICT', { public: `More than ${limits.tokensPerOwnerMax} tokens: revoke some first` })
    const made = await queries.insertToken(tx, {
      id: deps.newId('token'),
      organisation: actor.scope.organisation,
      user: service ? null : actor.user,
      name: input.name,
      hash: hashOf(secret),
      prefix: secret.slice(0, prefixLength),
      scopes,
      projects,
      createdBy: actorId(actor),
      days: input.days,
    })
    await writeAudit(tx, actor, {
      action: 'token.create',
      target: made.id,
      result: 'ok',
      facts: { scopes: scopes.join(' '), projects: projects?.join(' ') ?? 'all', days: input.days },
    })
    return made
  })
  return { row, secret: new Secret(secret) }
}

const checkedScopes = (actor: Actor, scopes: readonly string[]): readonly Verb[] => {
  const verbs = scopes.filter(isTokenScope)
  if (verbs.length !== scopes.length)
    throw fault('E_INPUT', { public: `A scope is one of: ${tokenScopes.join(', ')}` })
  const beyond = verbs.filter((verb) => !mayUse(actor, verb))
  if (beyond.length > 0)
    throw fault('E_INPUT', { public: `You may not do this yourself: ${beyond.join(', ')}` })
  return [...new Set(verbs)]
}

const checkedProjects = async (
  { db }: Deps,
  actor: Actor,
  named: readonly string[],
): Promise<readonly ProjectId[]> => {
  if (named.length > limits.projectsPerTokenMax)
    throw fault('E_INPUT', { public: `A token is limited to at most ${limits.projectsPerTokenMax} projects` })
  const found = await queries.findProjects(db, actor.scope.organisation, named)
  const missing = named.find((word) => !found.some(({ id, name }) => id === word || name === word))
  if (missing !== undefined) throw fault('E_INPUT', { public: `No such project: ${missing}` })
  return found.map(({ id }) => id)
}

const refuseScopesOfAll = (scopes: readonly Verb[]): void => {
  const ofAll = scopes.filter((verb) => scopesOfAll.includes(verb))
  if (ofAll.length > 0)
    throw fault('E_INPUT', { public: `Not of projects, so not for a token of some: ${ofAll.join(', ')}` })
}

const ownersOf = (actor: Actor): queries.TokenOwners => ({
  organisation: actor.scope.organisation,
  user: actor.kind === 'user' ? actor.user : null,
  service: actor.kind === 'operator' || (actor.kind === 'user' && actor.role === 'owner'),
})

const bearerOf = (member: queries.TokenMember | null): TokenBearer | null =>
  member === null
    ? null
    : {
        kind: 'token',
        token: member.id,
        user: member.user,
        name: member.name,
        role: member.role,
        scopes: member.scopes,
        expiresAt: member.expiresAt,
        projects: member.projects,
        scope: scopeOfOrganisation(member.organisation, member.projects?.map(({ id }) => id) ?? null),
      }
