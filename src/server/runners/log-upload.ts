// Takes the finished log of an attempt from its runner: an MFB1 container, streamed to the object store and hashed on the
// way, recorded only when the digest is the signed one and the lease still holds.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import { logObjectKey } from '../logs/object-key.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Caller } from './authenticate.ts'
import { getLeased, type LeaseKey, leaseLost } from './events.ts'

export const storeLog = async (
  deps: { readonly db: Db; readonly objects: ObjectStore },
  key: LeaseKey,
  upload: { readonly caller: Caller; readonly content: AsyncIterable<Uint8Array> },
): Promise<void> => {
  const attempt = await getLeased(deps.db, key)
  const objectKey = logObjectKey(attempt.id)
  const size = await deps.objects.put(objectKey, signedContent(upload), {
    bytesMax: limits.logObjectBytesMax,
  })
  await inTransaction(deps.db, async (tx) => {
    const { rows } = await sql`
      select 1 from attempts where id = ${attempt.id} and lease_id = ${key.lease} and status = 'running' for update`.execute(
      tx,
    )
    if (rows.length === 0) throw leaseLost()
    await sql`
      insert into log_objects (attempt_id, object_key, size_bytes) values (${attempt.id}, ${objectKey}, ${size})
      on conflict (attempt_id) do update set size_bytes = excluded.size_bytes, stored_at = now()`.execute(tx)
  })
}

/** The stream, which fails at its end when it was not what the runner signed: then nothing is kept. */
const signedContent = async function* ({
  caller,
  content,
}: {
  readonly caller: Caller
  readonly content: AsyncIterable<Uint8Array>
}): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of content) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('base64url') !== caller.bodyDigest)
    throw fault('E_RUNNER_UNKNOWN', { detail: 'the log is not the one that was signed' })
}
