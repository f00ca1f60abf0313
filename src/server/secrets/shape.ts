// Secrets as the API shows them: what the vault says, with the numbers of the runs that got them last.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
import { breadthOf, viewsOf } from '../../protocol/secret-views.ts'
import type { SecretMetadata, SignerMetadata } from '../../protocol/vault.ts'
import type { Actor } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import { type PutBy, putBy } from './people.ts'

/** Developers know names (trust-model.md §5.7); where a secret may go is for those who may change it. */
export const maySeeDetails = (actor: Actor): boolean =>
  actor.kind === 'operator' || actor.role === 'owner' || (actor.kind === 'token' && actor.role === null)

export const namesOnly = (secrets: readonly SecretMetadata[]): Secret[] =>
  secrets.map((secret) => ({ ...named(secret), detail: null }))

type Beside = {
  readonly signers: readonly SignerMetadata[]
  /** Of the context they are in. */
  readonly rules: ContextRules | null
  readonly nowSeconds: number
}

export const secretsShape = async (
  db: Db,
  secrets: readonly SecretMetadata[],
  beside: Beside,
): Promise<Secret[]> => {
  const [runs, people] = await Promise.all([
    runsOf(
      db,
      secrets.flatMap(({ lastRelease, leak }) => [lastRelease, leak].flatMap((one) => one?.run ?? [])),
    ),
    putBy(
      db,
      secrets.map(({ secret }) => secret),
    ),
  ])
  return secrets.map((secret) => ({
    ...named(secret),
    detail: {
      version: secret.version,
      policy: { ...secret.policy, refs: [...secret.policy.refs], events: [...secret.policy.events] },
      ...datesOf(secret),
      ...peopleAndViews(secret, people.get(secret.secret), beside),
      hosts: secret.hosts === undefined ? null : [...secret.hosts],
      signer: signerOf(secret, beside),
      head: secret.head,
      releases: secret.releases,
      releases_recent: secret.releasesRecent,
      on_leak: secret.onLeak,
      leak: inRun(secret.leak, runs),
      last_release: inRun(secret.lastRelease, runs),
    },
  }))
}

const datesOf = (secret: SecretMetadata) => ({
  created_at: time(secret.createdAt),
  changed_at: time(secret.changedAt),
  put_at: time(secret.putAt),
  expires_at: timeOrNull(secret.expiresAt),
  rotate_after: timeOrNull(secret.rotateAfter),
  previous_until: timeOrNull(secret.previousUntil),
})

const peopleAndViews = (secret: SecretMetadata, by: PutBy | undefined, { rules, nowSeconds }: Beside) => ({
  created_by: by?.created ?? null,
  put_by: by?.put ?? null,
  views: [
    ...viewsOf(
      { ...secret, lastUsedAt: secret.lastRelease?.at ?? null },
      { rules, isOfLeaver: by?.hasLeft ?? false, nowSeconds },
    ),
  ],
  breadth: [...breadthOf(secret.policy, rules)],
})

const signerOf = ({ signer: id }: SecretMetadata, { signers }: Beside) => ({
  ...{ id, name: signers.find(({ signer }) => signer === id)?.name ?? id },
})

const inRun = (last: SecretMetadata['lastRelease'], runs: ReadonlyMap<string, ShownRun>) =>
  last === null
    ? null
    : {
        at: time(last.at),
        run_id: last.run,
        run_number: runs.get(last.run)?.number ?? null,
        project: runs.get(last.run)?.project ?? null,
        job_id: last.job,
        attempt_id: last.attempt,
      }

/** What everybody may know who may know that it is there. */
const named = ({ name, kind, state, signing }: SecretMetadata) => ({
  ...{ name, kind, state },
  signing:
    signing === undefined
      ? null
      : {
          ...{ algorithm: signing.algorithm, fingerprint: signing.fingerprint },
          public_key: signing.publicKey,
        },
})

const timeOrNull = (seconds: number | null): string | null => (seconds === null ? null : time(seconds))

/** RFC 3339 of Unix seconds. */
export const time = (seconds: number): string => new Date(seconds * 1000).toISOString()

type ShownRun = { readonly id: RunId; readonly number: number; readonly project: string }

const runsOf = async (db: Db, runs: readonly RunId[]): Promise<ReadonlyMap<string, ShownRun>> => {
  const { rows } = await sql<ShownRun>`
    select r.id, r.number, p.name as project from runs r join projects p on p.id = r.project_id
    where r.id = any(${runs}::text[])`.execute(db)
  return new Map(rows.map((run) => [run.id, run]))
}
