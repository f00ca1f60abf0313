// Secrets as the API shows them: what the vault says, with the numbers of the runs that got them last.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import type { SecretMetadata, SignerMetadata } from '../../protocol/vault.ts'
import type { Actor } from '../access/actor.ts'
import type { Db } from '../db/database.ts'

/** Developers know names (trust-model.md §5.7); where a secret may go is for those who may change it. */
export const maySeeDetails = (actor: Actor): boolean =>
  actor.kind === 'operator' || actor.role === 'owner' || (actor.kind === 'token' && actor.role === null)

export const secretsShape = async (
  db: Db,
  secrets: readonly SecretMetadata[],
  { signers, hasDetails }: { readonly signers: readonly SignerMetadata[]; readonly hasDetails: boolean },
): Promise<Secret[]> => {
  if (!hasDetails) return secrets.map((secret) => ({ ...named(secret), detail: null }))
  const runs = await runsOf(
    db,
    secrets.flatMap(({ lastRelease }) => (lastRelease === null ? [] : [lastRelease.run])),
  )
  return secrets.map((secret) => ({
    ...named(secret),
    detail: {
      version: secret.version,
      policy: { ...secret.policy, refs: [...secret.policy.refs], events: [...secret.policy.events] },
      created_at: time(secret.createdAt),
      changed_at: time(secret.changedAt),
      expires_at: secret.expiresAt === null ? null : time(secret.expiresAt),
      hosts: secret.hosts === undefined ? null : [...secret.hosts],
      signer: {
        id: secret.signer,
        name: signers.find(({ signer }) => signer === secret.signer)?.name ?? secret.signer,
      },
      head: secret.head,
      releases: secret.releases,
      last_release:
        secret.lastRelease === null
          ? null
          : {
              at: time(secret.lastRelease.at),
              run_id: secret.lastRelease.run,
              run_number: runs.get(secret.lastRelease.run)?.number ?? null,
              project: runs.get(secret.lastRelease.run)?.project ?? null,
              job_id: secret.lastRelease.job,
              attempt_id: secret.lastRelease.attempt,
            },
    },
  }))
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

/** RFC 3339 of Unix seconds. */
export const time = (seconds: number): string => new Date(seconds * 1000).toISOString()

type ShownRun = { readonly id: RunId; readonly number: number; readonly project: string }

const runsOf = async (db: Db, runs: readonly RunId[]): Promise<ReadonlyMap<string, ShownRun>> => {
  const { rows } = await sql<ShownRun>`
    select r.id, r.number, p.name as project from runs r join projects p on p.id = r.project_id
    where r.id = any(${runs}::text[])`.execute(db)
  return new Map(rows.map((run) => [run.id, run]))
}
