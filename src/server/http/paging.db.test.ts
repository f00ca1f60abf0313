// Pages, the same for every list of the API: asked of the route table, so a list that is added is asked, too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import * as z from 'zod'
import { openTestApp } from '../../../test/support/http-app.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'

const lists = Object.entries<Route>(routes).filter(
  ([, { answer }]) => answer instanceof z.ZodObject && 'next_cursor' in answer.shape,
)

test('every list takes limit and cursor, with the same bounds', () => {
  assert.ok(lists.length >= 12)
  for (const [name, { query }] of lists) {
    assert.ok(query !== undefined, name)
    const read = (words: object) => query.safeParse(words)
    assert.equal((read({}).data as { limit?: number } | undefined)?.limit, 50, name)
    assert.ok(read({ limit: '100', cursor: 'x' }).success, name)
    for (const limit of ['0', '101', 'x']) assert.equal(read({ limit }).success, false, name)
  }
})

test('pages put together are the whole list; each names the next, in the answer and as a link', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  for (let i = 0; i < 7; i++)
    await app.call('POST', '/api/v1/tokens', { cookie, body: { name: `t${i}`, scopes: ['run.view'] } })
  for (const path of ['/api/v1/tokens', '/api/v1/errors', '/api/v1/sessions', '/api/v1/members']) {
    const get = async (address: string) => app.call('GET', address, { cookie })
    const items: unknown[] = []
    let address: string | null = `${path}?limit=3`
    while (address !== null) {
      const { status, json, headers }: Awaited<ReturnType<typeof get>> = await get(address)
      assert.equal(status, 200)
      assert.ok(json.items.length <= 3)
      items.push(...json.items)
      const link = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? null
      assert.equal(link !== null, json.next_cursor !== null)
      address = link
    }
    const whole: unknown[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await get(
        `${path}?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      )
      whole.push(...page.json.items)
      cursor = page.json.next_cursor
    }
    assert.deepEqual(items, whole, path)
  }
  assert.equal((await app.call('GET', '/api/v1/tokens?cursor=tok_gone', { cookie })).status, 400)
})

test('a session that is used while its list is read is on one page, and pushes no other off', async () => {
  const app = await openTestApp()
  for (let i = 0; i < 6; i++) await app.signInAs('developer')
  const page = async (cursor: string | null) => {
    const rest = cursor === null ? '' : `&cursor=${cursor}`
    const { json } = await app.callOperator('GET', `/api/v1/sessions?limit=2${rest}`)
    return json as { items: { id: string }[]; next_cursor: string | null }
  }
  const seen: string[] = []
  for (let cursor: string | null = null, pages = 0; pages === 0 || cursor !== null; pages++) {
    const { items, next_cursor: next } = await page(cursor)
    seen.push(...items.map(({ id }) => id))
    assert.ok(pages < 10, `no end: ${seen}`)
    // What the page ended with, and the one that nobody has read of yet, are used now.
    await sql`update sessions set last_seen_at = clock_timestamp() + ${pages} * interval '1 s'
      where id = ${next} or id = (select min(id) from sessions where not id = any(${seen}::text[]))`.execute(
      app.database.db,
    )
    cursor = next
  }
  assert.deepEqual([seen.length, new Set(seen).size], [6, 6])
})
