// Moves the keys of finished logs from the runner's seal to their project's own key, which can be shredded. Beside the end
// of an attempt, for whoever waits for that has no use of it: until then, and while the vault is away, the sealed key serves.
// What is left to do stands in the tables, so nothing is forgotten when the server stops in between. A key that the vault
// refuses is named in the log once and asked for no more by this process; the status page counts what stays (health/log-keys.ts).
import { sql } from 'kysely'
import { toBase64Url } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import type { AttemptId, ProjectId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { VaultClient } from '../vault-client.ts'

export type KeyWrapping = {
  /** A log is finished: in a moment, together with others that are by then. */
  soon(): void
  /** All there are. */
  sweep(): Promise<void>
  close(): Promise<void>
}

type Deps = { readonly db: Db; readonly vault: Pick<VaultClient, 'call'>; readonly log: Log }

export const createKeyWrapping = (deps: Deps): KeyWrapping => {
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> = Promise.resolve()
  const refused = new Set<AttemptId>()
  const sweep = () => {
    running = running.then(() => wrapAll({ ...deps, refused }))
    return running
  }
  return {
    soon: () => {
      timer ??= setTimeout(() => {
        timer = null
        void sweep()
      }, limits.logKeysWrapMs)
    },
    sweep,
    close: () => {
      clearTimeout(timer ?? undefined)
      return running
    },
  }
}

type Sweep = Deps & {
  /** What the vault said no to, up to a bound. */
  readonly refused: Set<AttemptId>
}

/** Never rejects. A vault that cannot at the moment ends it until the next time; a key that it refuses does not hold up those behind it. */
const wrapAll = async (deps: Sweep): Promise<void> => {
  try {
    for (let after = ''; ; ) {
      const rows = await findUnwrapped(deps, after)
      if (rows.length > 0) await store(deps.db, await Promise.all(rows.map((row) => wrap(deps, row))))
      if (rows.length < limits.logKeysWrappedAtOnce) return
      after = rows.at(-1)?.attempt ?? ''
    }
  } catch (error) {
    deps.log.warn('log keys not wrapped', { error })
  }
}

type Unwrapped = { readonly attempt: AttemptId; readonly project: ProjectId; readonly sealedKey: Buffer }
type Wrapped = { readonly attempt: AttemptId; readonly wrapped: string }

/** As a condition on attempts, for the index of those. */
export const isUnwrapped = sql`log_complete and log_key is not null and log_key_wrapped is null`

const findUnwrapped = async ({ db, refused }: Sweep, after: string): Promise<readonly Unwrapped[]> => {
  const { rows } = await sql<Unwrapped>`
    select id as attempt, project_id as project, log_key as "sealedKey" from attempts
    where ${isUnwrapped} and id > ${after} and id <> all(${[...refused]}::text[])
    order by id limit ${limits.logKeysWrappedAtOnce}`.execute(db)
  return rows
}

const wrap = async (
  { vault, log, refused }: Sweep,
  { attempt, project, sealedKey }: Unwrapped,
): Promise<Wrapped | null> => {
  try {
    const request = { object: attempt, project, sealedKey: toBase64Url(sealedKey) }
    return { attempt, wrapped: (await vault.call('blob.rewrap', request)).wrapped }
  } catch (error) {
    // Away, or short of room: another time.
    if (!isFault(error) || error.row.retryable) throw error
    if (refused.size < limits.logKeysRefusedMax) {
      refused.add(attempt)
      log.warn('log key not wrapped', { attempt, error })
    }
    return null
  }
}

const store = async (db: Db, results: readonly (Wrapped | null)[]): Promise<void> => {
  const made = results.filter((result) => result !== null)
  await sql`
    update attempts a set log_key_wrapped = w.wrapped
    from unnest(${made.map(({ attempt }) => attempt)}::text[], ${made.map(({ wrapped }) => wrapped)}::text[])
      as w (attempt, wrapped)
    where a.id = w.attempt and log_key_wrapped is null`.execute(db)
}
