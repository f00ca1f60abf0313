// Calls beyond the rate limit: counted without a row for each, shown on their project, forgotten after a week.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject } from '../../../test/support/hooked-project.ts'
import { waitFor } from '../../../test/support/installation.ts'
import { openParts } from '../../../test/support/parts.ts'
import { silentLog } from '../../base/log.ts'
import { createRefusedCalls } from './refused-calls.ts'

const parts = await openParts()
const { db } = parts
const web = await addHookedProject(parts, 'web')
const quiet = await addHookedProject(parts, 'quiet')
const shown = async (of = web) => (await of.projects.find(parts.scope, of.id))?.hook.refused_calls ?? null
const rows = async () => (await sql`select 1 from refused_calls`.execute(db)).rows.length
const counting = (everyMs: number) => createRefusedCalls({ db, log: silentLog, everyMs })

test('a flood is one row with how many, also when the server stops at once; strangers write nothing', async () => {
  const calls = counting(60_000)
  for (let i = 0; i < 5_000; i++) {
    calls.note(web.hook)
    calls.note(parts.newId('hook'))
    calls.note(`not a hook ${i}`)
  }
  assert.equal(await rows(), 0, 'nothing is written call by call')
  await calls.close()
  assert.equal((await shown())?.calls, 5_000)
  assert.equal(await shown(quiet), null)
  assert.equal(await rows(), 1)
})

test('further ones are added; after a quiet day it begins anew, and after a week it is not shown', async () => {
  const calls = counting(1)
  const before = (await shown())?.since
  calls.note(web.hook)
  await waitFor('it is written', async () => (await shown())?.calls === 5_001)
  assert.equal((await shown())?.since, before)
  await sql`update refused_calls set since = now() - interval '3 days', last_at = now() - interval '2 days'`.execute(
    db,
  )
  calls.note(web.hook)
  await waitFor('it is counted anew', async () => (await shown())?.calls === 1)
  assert.notEqual((await shown())?.since, before)
  await sql`update refused_calls set since = now() - interval '9 days', last_at = now() - interval '8 days'`.execute(
    db,
  )
  assert.equal(await shown(), null)
  await calls.close()
})
