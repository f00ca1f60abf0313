// A leaked secret between a real server, a real vault and the runner's own client: what becomes of it in the vault, in the tables, in the audit
// log and on the attempt; and who cannot bring it about.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { askSecrets } from '../../../test/support/evidence.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { runnerRequests } from '../../../test/support/runner-requests.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { type CallVault, enrolSigner, makeSigner, signPut } from '../../../test/support/signer.ts'
import { fromBase64Url } from '../../base/bytes.ts'
import { silentLog } from '../../base/log.ts'
import { createLeakReports } from '../../runner/leak-reports.ts'
import { importVerifyKey } from '../../seal/index.ts'
import { createSecrets } from '../secrets/secrets.ts'

const parts = await openParts()
const secrets = createSecrets(parts)
const call: CallVault = (verb, request) =>
  verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
const signer = await makeSigner()
await enrolSigner(call, signer)
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const project = await addLocalProject(parts, 'web')
const enrolled = await enrolRunner(parts, 'one')
const other = await enrolRunner(parts, 'other')
const runner = createScriptedRunner(parts, enrolled, { free: { 'built-in': 4, small: 8 } })
after(() => runner.close())

const [own, foreign] = [runnerRequests(parts, enrolled), runnerRequests(parts, other)]

const tells = async (held: Held, names: readonly (string | null)[], requests = own) => {
  const reports = createLeakReports({ requests, grant: held, log: silentLog })
  for (const name of names) reports.tell(name)
  await reports.settled()
}

/** The one job of a run of this ref, with the secrets that it has. */
const jobOf = async (ref = 'refs/heads/main') => {
  await parts.runs.startRun(parts.actor, { project, ref })
  const [first] = await runner.take({}, 1)
  // The plan of a known commit is not made again.
  if (first?.spec.kind === 'plan') await runner.finishPlan(first, [{ key: 'a' }])
  const [held] = first?.spec.kind === 'plan' ? await runner.take({}, 1) : [first]
  assert.ok(held)
  const vsign = (await importVerifyKey(fromBase64Url((await call('health', {})).vsign)!))!
  const { secrets: given } = await (await askSecrets(runner, held, { vsign })).open()
  return { held, names: given.map(({ name }) => name) }
}

const put = async (name: string, onLeak: 'tell' | 'revoke') => {
  const of = { owner: project, name, value: `value of ${name}`, nowSeconds, body: { on_leak: onLeak } }
  return secrets.put(parts.actor, { project }, JSON.parse(JSON.stringify(await signPut(call, signer, of))))
}
const audited = async () =>
  (
    await sql<{ name: string }>`
      select a.actor_kind, a.actor_id, s.name, a.project_id, a.result, a.details
      from audit a join secrets s on s.id = a.target where a.action = 'secret.leaked' order by a.id`.execute(
      parts.db,
    )
  ).rows
const rows = async () =>
  Object.fromEntries(
    (await sql<{ name: string; state: string }>`select name, state from secrets`.execute(parts.db)).rows.map(
      ({ name, state }) => [name, state],
    ),
  )
const notesOf = async ({ attempt }: Held) =>
  (await sql<{ notes: string[] }>`select notes from attempts where id = ${attempt}`.execute(parts.db)).rows[0]
    ?.notes

test('a secret that was seen is revoked where its owner chose so: alarm, audit and lists say it, no later job gets it', async () => {
  await put('CHOSEN', 'revoke')
  await put('KEPT', 'tell')
  const { held, names } = await jobOf()
  assert.deepEqual(names, ['CHOSEN', 'KEPT'])
  await tells(held, ['CHOSEN', 'KEPT'])
  assert.deepEqual(await rows(), { CHOSEN: 'revoked', KEPT: 'active' })
  // Told again: nothing more is written.
  await tells(held, ['CHOSEN'])
  const facts = { actor_kind: 'host', actor_id: enrolled.id, project_id: project, result: 'error' }
  const details = { attempt: held.attempt, version: 1 }
  assert.deepEqual(
    (await audited()).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    [
      { ...facts, name: 'CHOSEN', details: { ...details, became: 'revoked' } },
      { ...facts, name: 'KEPT', details: { ...details, became: 'kept' } },
    ],
  )
  const notes = (await notesOf(held))?.toSorted() ?? []
  assert.equal(notes.length, 2)
  assert.match(notes[0] ?? '', /^ALARM: CHOSEN is revoked, as its owner chose/)
  assert.match(notes[1] ?? '', /^ALARM: KEPT still goes to jobs/)
  const { items } = await secrets.list(parts.actor, { project }, 'leaked')
  const { run } = held.spec.kind === 'job' ? held.spec : assert.fail()
  assert.deepEqual(
    items.map(({ name, state, detail }) => [name, state, detail?.on_leak, detail?.leak?.run_number]),
    [
      ['CHOSEN', 'revoked', 'revoke', run.number],
      ['KEPT', 'active', 'tell', run.number],
    ],
  )
  await runner.finish(held)
  const later = await jobOf()
  assert.deepEqual(later.names, ['KEPT'])
  await runner.finish(later.held)
})

test('nobody makes a secret disappear that his job was not given, or that another runner has, or after the job', async () => {
  await put('OTHERS', 'revoke')
  const before = (await audited()).length
  const elsewhere = await jobOf('refs/heads/other')
  assert.deepEqual(elsewhere.names, [])
  await tells(elsewhere.held, ['OTHERS', null])
  await runner.finish(elsewhere.held)
  const { held } = await jobOf()
  await tells(held, ['NONE'])
  await tells(held, ['OTHERS'], foreign)
  await runner.finish(held)
  await tells(held, ['OTHERS'])
  assert.equal((await rows()).OTHERS, 'active')
  assert.equal((await audited()).length, before)
})

test('the canary revokes what lay beside it, of those whose owners chose so', async () => {
  const { held } = await jobOf()
  await tells(held, [null])
  assert.deepEqual(await rows(), { CHOSEN: 'revoked', KEPT: 'active', OTHERS: 'revoked' })
  await runner.finish(held)
})
