// The clock of a server: it begins what is due without being asked, and stops when it is closed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject } from '../../../test/support/hooked-project.ts'
import { waitFor } from '../../../test/support/installation.ts'
import { openParts } from '../../../test/support/parts.ts'
import { silentLog } from '../../base/log.ts'
import { createSchedules } from '../schedules/schedules.ts'
import { openIntakeClock } from './intake-clock.ts'

test('two servers begin a scheduled run and a look once', async () => {
  const parts = await openParts()
  const web = await addHookedProject(parts, 'web')
  await createSchedules(parts).add(parts.actor, 'web', { name: 'daily', cron: '0 0 * * *', zone: 'UTC' })
  await sql`update schedules set next_at = now()`.execute(parts.db)
  await web.projects.set(parts.actor, 'web', { poll_seconds: 60 })
  const clocks = [1, 2].map(() => openIntakeClock({ ...parts, log: silentLog }))
  const begun = async () => {
    const { rows } = await sql<{ runs: number; looks: number }>`
      select (select count(*) from runs) as runs, (select count(*) from jobs where key = 'poll') as looks`.execute(
      parts.db,
    )
    return [rows[0]?.runs, rows[0]?.looks]
  }
  await waitFor('both', async () => (await begun()).every((n) => n === 1), 20_000)
  for (const clock of clocks) await clock.close()
  assert.deepEqual(await begun(), [1, 1])
})

test('what a clock that was ahead put off is found when it came back', async () => {
  const parts = await openParts()
  const web = await addHookedProject(parts, 'web')
  await createSchedules(parts).add(parts.actor, 'web', { name: 'daily', cron: '0 0 * * *', zone: 'UTC' })
  await web.projects.set(parts.actor, 'web', { poll_seconds: 60 })
  const ahead = sql`interval '30 days'`
  await sql`update schedules set next_at = next_at + ${ahead}, reckoned_at = reckoned_at + ${ahead}`.execute(
    parts.db,
  )
  await sql`update projects set poll_next_at = poll_next_at + ${ahead}`.execute(parts.db)
  const clock = openIntakeClock({ ...parts, log: silentLog })
  const isFound = async () => {
    const { rows } = await sql<{ found: boolean }>`
      select (select next_at < now() + interval '1 day' from schedules)
        and exists (select from jobs where key = 'poll') as found`.execute(parts.db)
    return rows[0]?.found === true
  }
  await waitFor('both', isFound, 20_000)
  await clock.close()
  const { rows } = await sql`select 1 from runs`.execute(parts.db)
  assert.equal(rows.length, 0)
})
