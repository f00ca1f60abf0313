// Who can reach a secret: every branch and tag that is known, every member and every token, put to the rules that judge each
// job (protocol/secret-policy.ts, protocol/contexts.ts). There is no second copy of a rule here.
import { sql } from 'kysely'
import type { ProjectId } from '../../base/ids.ts'
import type { SecretReach } from '../../protocol/api/secrets.ts'
import { type ContextRules, refusalBy } from '../../protocol/contexts.ts'
import { refusalByPolicy } from '../../protocol/secret-policy.ts'
import { policyEvents } from '../../protocol/statement.ts'
import type { SecretMetadata } from '../../protocol/vault.ts'
import type { Scope } from '../access/actor.ts'
import { projectInScope } from '../access/in-scope.ts'
import { type Role, roleMay } from '../access/roles.ts'
import type { Db } from '../db/database.ts'
import type { VaultClient } from '../vault-client.ts'

type Deps = {
  readonly database: { readonly db: Db }
  readonly vault: VaultClient
  readonly clock: { readonly now: () => number }
}
type Of = {
  readonly secret: SecretMetadata
  readonly project: ProjectId | null
  /** null: it is of a project. */
  readonly context: { readonly name: string; readonly rules: ContextRules } | null
}
type Place = {
  readonly project: ProjectId
  readonly isAdmitted: boolean
  readonly name: string
  readonly ref: string
  readonly defaultRef: string
}
type Wanting = {
  readonly id: string
  readonly name: string
  readonly kind: 'member' | 'token'
  /** null: of nobody, so no rule about roles lets it in. */
  readonly role: Role | null
  readonly scopes: readonly string[] | null
  /** null: every project. */
  readonly projects: readonly string[] | null
}

const jobsShownMax = 500
const placesMax = 5000

export const reachOf = async (deps: Deps, scope: Scope, of: Of): Promise<SecretReach> => {
  const { secret, context } = of
  const { db } = deps.database
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const [places, wanting, { signers }] = await Promise.all([
    placesOf(db, scope, of),
    wantingOf(db, scope),
    deps.vault.call('signer.list', {}),
  ])
  const judged = places.map((place) => ({ place, events: eventsOf(secret, place, nowSeconds) }))
  const open = judged.filter(
    ({ place, events }) => events.length > 0 && isOpen(place, context?.rules ?? null),
  )
  const people = wanting.filter((one) =>
    open.some(({ place }) => mayReach(one, place, context?.rules ?? null)),
  )
  return {
    blocked: blockOf(secret, nowSeconds),
    policy: { ...secret.policy, refs: [...secret.policy.refs], events: [...secret.policy.events] },
    context: context === null ? null : shownRules(context),
    jobs: open
      .slice(0, jobsShownMax)
      .map(({ place: { name: project, ref }, events }) => ({ project, ref, events: [...events] })),
    more_jobs: open.length > jobsShownMax || places.length >= placesMax,
    people: people.map(({ id, name, kind, role }) => ({ id, name, kind, role })),
    signers: signers.filter(({ state }) => state === 'active').map(({ signer: id, name }) => ({ id, name })),
  }
}

const shownRules = ({ name, rules: { projects, refs, roles } }: NonNullable<Of['context']>) => ({
  ...{ name, every_project: projects === '*', refs: [...refs], roles: roles && [...roles] },
})

const blockOf = ({ state, expiresAt }: SecretMetadata, nowSeconds: number): SecretReach['blocked'] => {
  if (state !== 'active') return state
  return expiresAt !== null && expiresAt <= nowSeconds ? 'expired' : null
}

/** What would bring it to a job there; the push of a tag is its own word. Protected refs are not known yet. */
const eventsOf = (secret: SecretMetadata, { ref }: Place, nowSeconds: number) => {
  const isTag = ref.startsWith('refs/tags/')
  return policyEvents.filter((word) => {
    if (word === (isTag ? 'push' : 'tag')) return false
    const event = word === 'tag' ? 'push' : word
    return refusalByPolicy(secret, { ref, event, tier: 'branch' }, nowSeconds) === null
  })
}

/** Whether the context lets anybody's job in there. */
const isOpen = (place: Place, rules: ContextRules | null): boolean =>
  rules === null || (rules.roles ?? [null]).some((role) => refusalBy(rules, { ...place, role }) === null)

const mayReach = (
  { kind, role, scopes, projects }: Wanting,
  place: Place,
  rules: ContextRules | null,
): boolean => {
  const may = (verb: 'run.trigger' | 'run.rerun' | 'run.approve') =>
    (role === null ? kind === 'token' : roleMay(role, verb)) && (scopes === null || scopes.includes(verb))
  if (!may('run.trigger') && !may('run.rerun') && !may('run.approve')) return false
  if (projects !== null && !projects.includes(place.project)) return false
  return rules === null || refusalBy(rules, { ...place, role }) === null
}

/** Default branches, and whatever ran: a rule that takes more says so by itself. */
const placesOf = async (db: Db, scope: Scope, { project }: Of): Promise<readonly Place[]> => {
  const own = project === null ? sql`true` : sql`p.id = ${project}`
  const { rows } = await sql<Place>`
    with known as (
      select p.id, p.name, p.admitted, 'refs/heads/' || p.default_branch as default_ref from projects p
      where ${projectInScope(scope, 'p')} and ${own})
    select known.id as project, known.admitted as "isAdmitted", known.name, seen.ref, known.default_ref as "defaultRef"
    from known cross join lateral (
      select known.default_ref as ref union select r.ref from runs r where r.project_id = known.id) seen
    order by known.name, seen.ref <> known.default_ref, seen.ref limit ${placesMax}`.execute(db)
  return rows
}

const wantingOf = async (db: Db, { organisation }: Scope): Promise<readonly Wanting[]> => {
  const { rows } = await sql<Wanting>`
    select u.id, u.name, 'member' as kind, u.role, null::text[] as scopes, null::text[] as projects
    from users u where u.organisation_id = ${organisation} and u.disabled_at is null
    union all
    select t.id, t.name, 'token', u.role, t.scopes, t.project_ids
    from api_tokens t left join users u on u.id = t.user_id and u.disabled_at is null
    where t.organisation_id = ${organisation} and t.revoked_at is null and t.expires_at > now()
      and (t.user_id is null or u.id is not null)
    order by 3, 2`.execute(db)
  return rows
}
