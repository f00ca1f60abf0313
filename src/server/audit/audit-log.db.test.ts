// What an owner finds in the audit log, by which filters, and that nothing of another organisation is in it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openParts } from '../../../test/support/parts.ts'
import { isFault } from '../../base/faults.ts'
import { auditEntry } from '../../protocol/api/audit-routes.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { AuditQuery } from '../use-cases.ts'
import { createAuditLog } from './audit-log.ts'

const parts = await openParts()
const { db } = parts.database
const { organisation } = parts.scope
const other = (
  await sql<{ id: typeof organisation }>`
    insert into organisations (id, name) values ('org_00000000000000000000000001', 'other') returning id`.execute(
    db,
  )
).rows[0]!.id
const log = createAuditLog(parts)
const service = (name: string, of = organisation) => ({ kind: 'service' as const, name, organisation: of })
const list = (query: Partial<AuditQuery> = {}, of = log) => of.list(parts.scope, { limit: 50, ...query })
const found = async (query: Partial<AuditQuery>, of = log) =>
  (await list(query, of)).items.map(({ action, target }) => `${action} ${target}`)

await sql`insert into users (id, organisation_id, name, email, role)
  values ('usr_00000000000000000000000001', ${organisation}, 'Ada', 'ada@example.org', 'owner')`.execute(db)
const before = (await list({ limit: 100 })).items.length
await writeAudit(db, service('a'), {
  action: 'secret.put',
  target: 's1',
  result: 'ok',
  facts: { version: 2 },
})
await writeAudit(db, service('b'), {
  action: 'secret.revoke',
  target: 's1',
  result: 'denied',
  code: 'MF4003',
})
await writeAudit(db, service('a'), { action: 'secrets.other', target: 's2', result: 'ok' })
await writeAudit(db, service('a', other), { action: 'secret.put', target: 'theirs', result: 'ok' })
await sql`insert into audit (organisation_id, actor_kind, actor_id, action, target, result)
  values (${organisation}, 'user', 'usr_00000000000000000000000001', 'session.start', '-', 'ok')`.execute(db)

test('newest first, with the names of people and what a change came to; as the shape of the API has it', async () => {
  const { items, next_cursor: next } = await list()
  assert.equal(items.length - before, 4)
  assert.equal(next, null)
  for (const item of items) assert.deepEqual(auditEntry.parse(item), item)
  const [newest, , denied, put] = items
  assert.deepEqual(newest?.actor, { kind: 'user', id: 'usr_00000000000000000000000001', name: 'Ada' })
  assert.deepEqual([denied?.result, denied?.code], ['denied', 'MF4003'])
  assert.deepEqual([put?.actor, put?.facts], [{ kind: 'service', id: 'a', name: 'a' }, { version: 2 }])
})

test('an organisation sees its own entries alone', async () => {
  assert.ok(!(await found({})).some((line) => line.endsWith('theirs')))
  const theirs = await log.list(scopeOfOrganisation(other), { limit: 50 })
  assert.deepEqual(
    theirs.items.map(({ target }) => target),
    ['theirs'],
  )
})

test('filters: an action and those below it, who, what, how it ended, and when', async () => {
  assert.deepEqual(await found({ action: 'secret' }), ['secret.revoke s1', 'secret.put s1'])
  assert.deepEqual(await found({ action: 'secret.put' }), ['secret.put s1'])
  assert.deepEqual(await found({ actor: 'b' }), ['secret.revoke s1'])
  assert.deepEqual(await found({ target: 's2' }), ['secrets.other s2'])
  assert.deepEqual(await found({ result: 'denied', since: '1h' }), ['secret.revoke s1'])
  assert.deepEqual(await found({ until: '2020-01-01' }), [])
  assert.deepEqual(await found({ project: 'nothing' }), [])
  const refused = (query: Partial<AuditQuery>) =>
    assert.rejects(list(query), (error) => isFault(error, 'E_INPUT'))
  await refused({ since: 'yesterday' })
  await refused({ cursor: 'x' })
  await refused({ cursor: '0' })
})

test('a page ends after so many rows that were looked at, and the next one goes on there', async () => {
  const near = createAuditLog({ ...parts, lookedAt: 2 })
  const seen: string[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await list({ action: 'secret', ...(cursor === undefined ? {} : { cursor }) }, near)
    seen.push(...page.items.map(({ action }) => action))
    cursor = page.next_cursor ?? undefined
    pages++
  } while (cursor !== undefined)
  assert.deepEqual(seen, ['secret.revoke', 'secret.put'])
  assert.ok(pages > 2)
  const all: string[] = []
  do {
    const page = await list({ limit: 1, ...(cursor === undefined ? {} : { cursor }) })
    all.push(...page.items.map(({ id }) => id))
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  assert.deepEqual(
    all,
    (await list()).items.map(({ id }) => id),
  )
})

test('what is older than the span ends the search', async () => {
  await sql`update audit set at = at - interval '3 days' where organisation_id = ${organisation} and target = 's1'`.execute(
    db,
  )
  const near = createAuditLog({ ...parts, lookedAt: 3 })
  assert.equal((await list({ since: '1h', result: 'denied' }, near)).next_cursor, null)
  assert.deepEqual(await found({ until: '2d' }), ['secret.revoke s1', 'secret.put s1'])
})
