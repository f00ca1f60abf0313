// Who is asking, and the slice of the database they may see. Made only in server/access/; use cases take an `Actor`
// first and give its `scope` to every query on tenant data. Must never be built from what a request says about itself.
import type { OrganisationId, ProjectId, SessionId, TokenId, UserId } from '../../base/ids.ts'
import type { Access, Route } from '../../protocol/api/routes.ts'
import { limits } from './limits.ts'
import { type Role, roleMay, type Verb } from './roles.ts'

declare const madeByAccess: unique symbol

/** The rows of one organisation, or of some of its projects. There is no scope without an organisation. */
export type Scope = {
  readonly organisation: OrganisationId
  /** null: all of them. `in-scope.ts` makes the condition of it. */
  readonly projects: readonly ProjectId[] | null
  readonly [madeByAccess]: true
}

export type Person = {
  readonly kind: 'user'
  readonly user: UserId
  readonly session: SessionId
  readonly name: string
  readonly email: string
  readonly role: Role
  /** So long ago they proved that it is them, with this session. */
  readonly provedAgoMs: number
  readonly scope: Scope
}

/** A personal token acts for its creator; a service token (`user: null`) was made by the operator or an owner. */
export type TokenBearer = {
  readonly kind: 'token'
  readonly token: TokenId
  readonly user: UserId | null
  readonly name: string
  /** The creator's role now; null for a service token, whose scopes are all there is. */
  readonly role: Role | null
  readonly scopes: readonly Verb[]
  readonly expiresAt: Date
  /** What it is limited to; null: nothing. The scope says the same by ids. */
  readonly projects: readonly { readonly id: ProjectId; readonly name: string }[] | null
  readonly scope: Scope
}

/** Whoever may open the local socket: the operating system decided. */
export type Operator = { readonly kind: 'operator'; readonly name: 'operator'; readonly scope: Scope }

export type Actor = Person | TokenBearer | Operator

/** For the server's own work on behalf of nobody: intake, runner calls, expiry. Never reachable from a person's request. */
export const scopeOfOrganisation = (
  organisation: OrganisationId,
  projects: readonly ProjectId[] | null = null,
): Scope =>
  // SAFE: the one place that makes the brand.
  ({ organisation, projects }) as Scope

/** Whether `actor` (null: not signed in) may use a route of this access. Deny is the default of every branch. */
export const mayUse = (actor: Actor | null, access: Access): boolean => {
  if (access === 'public') return true
  if (actor === null) return false
  if (actor.kind === 'operator') return true
  if (access === 'operator') return false
  if (access === 'session') return actor.kind === 'user'
  return mayDo(actor, access)
}

/** Whether what a route is about lies beyond the projects that `actor` is limited to. */
export const isBeyond = (actor: Actor | null, route: Pick<Route, 'ofAll'>): boolean =>
  route.ofAll === true && actor !== null && actor.scope.projects !== null

/**
 * Whether `actor` has to prove anew that it is them before a route that asks for it. A cookie says nothing about who sits
 * there now. A token is no browser that somebody left open, and the operator has the machine.
 */
export const mustProve = (actor: Actor | null, route: Pick<Route, 'provenAnew'>): boolean =>
  route.provenAnew === true && actor?.kind === 'user' && actor.provedAgoMs > limits.session.freshMs

const mayDo = (actor: Person | TokenBearer, verb: Verb): boolean => {
  if (actor.kind === 'user') return roleMay(actor.role, verb)
  if (!actor.scopes.includes(verb)) return false
  return actor.role === null || roleMay(actor.role, verb)
}

/** How records name the actor: `usr_…`, `tok_…` or `operator`. */
export const actorId = (actor: Actor): string => {
  if (actor.kind === 'user') return actor.user
  if (actor.kind === 'token') return actor.token
  return 'operator'
}

/** Whose token or session it is; null: nobody's. */
export const personBehind = (actor: Actor): UserId | null => (actor.kind === 'operator' ? null : actor.user)

/** Whom the vault's record names when a log is opened for this actor. */
export const readerOf = (
  actor: Actor,
  reason: string,
): { readonly user: string; readonly session: string; readonly reason: string } => {
  if (actor.kind === 'user') return { user: actor.user, session: actor.session, reason }
  if (actor.kind === 'token') return { user: actor.user ?? actor.token, session: actor.token, reason }
  return { user: 'operator', session: 'operator', reason }
}
