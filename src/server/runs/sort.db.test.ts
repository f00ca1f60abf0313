// Lists that are read from both ends: the pages of one way are those of the other, turned.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { createDeliveries } from '../intake/deliveries.ts'
import { createPlaces } from './places.ts'
import { createRuns } from './runs.ts'

const count = 7

const open = async () => {
  const app = await openTestApp({
    work: (parts) => {
      const shared = { ...parts, places: createPlaces(parts.newId), compiler: null }
      return { ...noWork, runs: createRuns(shared), deliveries: createDeliveries(shared) }
    },
  })
  const { db } = app.database
  const [organisation, project] = [app.organisation.id, `prj_${'1'.repeat(26)}`]
  await sql`
    insert into projects (id, organisation_id, name, source, source_url, default_branch, hook_id)
    values (${project}, ${organisation}, 'web', '{"kind":"local","root":0,"path":"web"}', 'web', 'main', 'hok_1')`.execute(
    db,
  )
  const digit = (n: number) => String(n).repeat(26)
  for (let n = 1; n <= count; n++) {
    await sql`
      insert into runs (id, organisation_id, project_id, number, status, event_kind, ref, commit, started_by)
      values (${`run_${digit(n)}`}, ${organisation}, ${project}, ${n}, 'passed', 'push', 'refs/heads/main', ${'a'.repeat(40)}, 'operator')`.execute(
      db,
    )
    await sql`
      insert into deliveries (id, organisation_id, project_id, ref, new_commit, verdict, reason)
      values (${`dlv_${digit(n)}`}, ${organisation}, ${project}, 'refs/heads/main', ${'a'.repeat(40)}, 'no_run', 'x')`.execute(
      db,
    )
  }
  const cookie = await app.signInAs('viewer')
  return (path: string) => app.call('GET', path, { cookie })
}

for (const path of ['/api/v1/runs', '/api/v1/deliveries'])
  test(`${path} can be read from both ends, page by page`, async () => {
    const get = await open()
    const read = async (words: string) => {
      const ids: string[] = []
      for (let at: string | null = `${path}?limit=3${words}`; at !== null; ) {
        const { status, json, headers, text } = await get(at)
        assert.equal(status, 200, text)
        ids.push(...json.items.map(({ id }: { id: string }) => id))
        at = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? null
      }
      return ids
    }
    const newest = await read('')
    assert.equal(newest.length, count)
    assert.deepEqual(await read('&sort=-created_at'), newest)
    assert.deepEqual(await read('&sort=created_at'), newest.toReversed())
    assert.equal((await get(`${path}?sort=name`)).status, 400)
  })

test('what is found by looking from the newest on is not listed from the oldest', async () => {
  const get = await open()
  for (const words of ['mine=yes', 'class=small'])
    assert.equal((await get(`/api/v1/runs?sort=created_at&${words}`)).status, 400)
})
