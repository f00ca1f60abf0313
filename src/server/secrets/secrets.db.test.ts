// Secrets through the server: what a person signs reaches the vault, a job of the project gets it, and neither tables nor
// answers ever hold more than names.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { askSecrets } from '../../../test/support/evidence.ts'
import { openTestApp } from '../../../test/support/http-app.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { type CallVault, enrolSigner, makeSigner, signPut, signRevoke } from '../../../test/support/signer.ts'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import type { ReleasedSecret } from '../../protocol/released.ts'
import type { Statement } from '../../protocol/statement.ts'
import { importVerifyKey, openRelease, signerMac, signStatement } from '../../seal/index.ts'
import type { Actor } from '../access/actor.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createSecrets } from './secrets.ts'

const parts = await openParts()
const secrets = createSecrets(parts)
// The code comes from the operator's socket, everything else from the server's.
const call: CallVault = (verb, request) =>
  verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
const signer = await makeSigner()
await enrolSigner(call, signer)
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1]) =>
  assert.rejects(work, (error) => isFault(error, code) || assert.fail(String(error)))

/** As it travels: nothing but JSON. */
const made = async (put: Omit<Parameters<typeof signPut>[2], 'nowSeconds'>) =>
  JSON.parse(JSON.stringify(await signPut(call, signer, { ...put, nowSeconds })))

const vsignOf = async () => (await importVerifyKey(fromBase64Url((await call('health', {})).vsign)!))!

/** What a job gets for true evidence, when it is owed something. */
const secretsOf = async (
  runner: ReturnType<typeof createScriptedRunner>,
  held: Held,
): Promise<readonly ReleasedSecret[]> => {
  if (held.sealed === null) return []
  const vsign = await vsignOf()
  const payload = await openRelease(held.ephKey!, held.sealed, { ticket: held.ticket, vsign })
  if (JSON.parse(utf8Decode(payload!)).owed !== true) return []
  return (await (await askSecrets(runner, held, { vsign })).open()).secrets
}

/** The first job of a new run, on this runner. */
const takeJob = async (
  runner: ReturnType<typeof createScriptedRunner>,
  start: { project: string; ref?: string },
): Promise<Held> => {
  await parts.runs.startRun(parts.actor, start)
  const [plan] = await runner.take()
  if (plan?.spec.kind !== 'plan') return plan!
  assert.equal(plan.sealed, null, 'planning a local source needs nothing of the vault')
  assert.equal((await runner.finishPlan(plan, [{ key: 'a' }])).status, 200)
  const [job] = await runner.take()
  return job!
}

test('a secret is put, goes to the jobs its policy admits, and is gone when it is revoked', async () => {
  const project = await addLocalProject(parts, 'web')
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
  after(() => runner.close())
  const before = await takeJob(runner, { project })
  assert.equal(before.sealed, null, 'without secrets nothing is asked of the vault')
  await runner.finish(before)

  const shown = await secrets.put(
    parts.actor,
    { project: 'web' },
    await made({ owner: project, name: 'TOKEN', value: 'hunter2hunter2' }),
  )
  assert.deepEqual([shown.name, shown.state, shown.detail?.version], ['TOKEN', 'active', 1])
  assert.equal(shown.detail?.signer.name, 'a laptop')
  const job = await takeJob(runner, { project })
  const forged = await askSecrets(runner, job, {
    vsign: await vsignOf(),
    changes: { spec_digest: '0'.repeat(64) },
  })
  assert.deepEqual([forged.reply.status, forged.reply.body.code], [409, 'E_SPEC_MISMATCH'])
  assert.match(forged.reply.body.message ?? '', /^Nothing was released: the ticket is about another script/)
  const [released] = await secretsOf(runner, job)
  assert.deepEqual(Buffer.from(released!.value, 'base64url').toString(), 'hunter2hunter2')
  await runner.finish(job)
  const found = await secrets.find(parts.actor, { project }, 'TOKEN')
  const { run } = job.spec.kind === 'job' ? job.spec : assert.fail()
  assert.deepEqual(
    [found?.detail?.last_release?.run_number, found?.detail?.last_release?.attempt_id],
    [run.number, job.attempt],
  )
  const elsewhere = await takeJob(runner, { project, ref: 'refs/heads/other' })
  assert.deepEqual(await secretsOf(runner, elsewhere), [])
  await runner.finish(elsewhere)

  const prev = found!.detail!.head
  const revoke = await signRevoke(signer, { owner: project, name: 'TOKEN', nowSeconds, prev })
  const revoked = await secrets.revoke(
    parts.actor,
    { project: 'web' },
    'TOKEN',
    JSON.parse(JSON.stringify(revoke)),
  )
  assert.equal(revoked.state, 'revoked')
  const last = await takeJob(runner, { project })
  assert.equal(last.sealed, null)
  await runner.finish(last)
  const { rows } = await sql`
    select action, result, code from audit where action like 'secret.%' order by at, id`.execute(parts.db)
  assert.deepEqual(rows, [
    { action: 'secret.put', result: 'ok', code: null },
    { action: 'secret.revoke', result: 'ok', code: null },
  ])
})

test('the row follows the vault when an answer was lost and the same statement comes again', async () => {
  const project = await addLocalProject(parts, 'lost')
  const input = await made({ owner: project, name: 'TOKEN', value: 'a lost answer' })
  await parts.vault.call('secret.put', { owner: project, name: 'TOKEN', ...input })
  const count = async () =>
    (await sql`select 1 from secrets where project_id = ${project}`.execute(parts.db)).rows.length
  assert.equal(await count(), 0)
  assert.equal((await secrets.put(parts.actor, { project: 'lost' }, input)).detail?.version, 1)
  assert.equal(await count(), 1)
})

test('developers see names only; another organisation sees nothing', async () => {
  const project = await addLocalProject(parts, 'names')
  await secrets.put(
    parts.actor,
    { project },
    await made({ owner: project, name: 'TOKEN', value: 'some value' }),
  )
  const developer = { ...person, role: 'developer' as const }
  assert.deepEqual((await secrets.list(developer, { project })).items, [
    { name: 'TOKEN', kind: 'env', state: 'active', signing: null, detail: null },
  ])
  assert.notEqual((await secrets.list(person, { project })).items[0]?.detail, null)
  const stranger: Actor = { ...parts.actor, scope: scopeOfOrganisation(parts.newId('organisation')) } as Actor
  await refuses(secrets.list(stranger, { project }), 'E_NOT_FOUND')
  await refuses(secrets.find(stranger, { project }, 'TOKEN'), 'E_NOT_FOUND')
})

const person = {
  kind: 'user' as const,
  user: parts.newId('user'),
  session: parts.newId('session'),
  name: 'O. Wner',
  email: 'o@example',
  role: 'owner' as const,
  provedAgoMs: 0,
  scope: parts.scope,
}

test('what the vault refuses is refused with its code, and written down', async () => {
  const project = await addLocalProject(parts, 'refused')
  const stranger = await makeSigner('stranger')
  const input = await signPut(call, stranger, {
    owner: project,
    name: 'TOKEN',
    value: 'some value',
    nowSeconds,
  })
  await refuses(secrets.put(parts.actor, { project }, JSON.parse(JSON.stringify(input))), 'E_STMT_SIG')
  const other = await made({
    owner: await addLocalProject(parts, 'other'),
    name: 'TOKEN',
    value: 'some value',
  })
  await refuses(secrets.put(parts.actor, { project }, other), 'E_INPUT')
  const { rows } = await sql`
    select result, code from audit where project_id = ${project}`.execute(parts.db)
  assert.deepEqual(rows, [{ result: 'denied', code: 'MF5013' }])
})

test('the table holds one row for a name, of a form that a variable can have', async () => {
  const project = await addLocalProject(parts, 'rows')
  const insert = (name: string, kind = 'env', version = 1) => sql`
    insert into secrets (id, organisation_id, project_id, name, kind, version, state, changed_by)
    values (${parts.newId('secret')}, ${parts.organisation}, ${project}, ${name}, ${kind}, ${version}, 'active', 'operator')`
  await insert('TOKEN').execute(parts.db)
  for (const bad of [insert('TOKEN'), insert('A-B'), insert('A', 'gpg'), insert('A', 'env', 0)])
    await assert.rejects(bad.execute(parts.db), { code: /^23(505|514)$/ })
})

test('signers are enrolled by a code, listed with who did it, and removed by the word of another', async () => {
  const { code } = await parts.admin('signer.code', {})
  const phone = await makeSigner('a second laptop')
  const mac = await signerMac(code, phone.record)
  const enrolled = await secrets.enroll(parts.actor, { key: phone.record, mac })
  assert.equal(enrolled.id, phone.id)
  await refuses(secrets.enroll(parts.actor, { key: phone.record, mac }), 'E_SIGNER_CODE')
  const shown = async () =>
    (await secrets.signers(parts.scope)).items
      .map(({ name, state, added_by, removed }) => [name, state, added_by, removed?.by ?? null])
      .sort()
  assert.deepEqual(await shown(), [
    ['a laptop', 'active', null, null],
    ['a second laptop', 'active', 'operator', null],
  ])
  const statement: Statement = {
    ...{ v: 1, type: 'signer.remove', sub: phone.id, iss: signer.id, iat: nowSeconds, prev: null, body: {} },
    nonce: toBase64Url(randomBytes(16)),
  }
  const proof = await signStatement(statement, signer.key.privateKey)
  const removal = JSON.parse(JSON.stringify({ statement, proof }))
  await refuses(secrets.removeSigner(parts.actor, signer.id, removal), 'E_INPUT')
  await secrets.removeSigner(parts.actor, phone.id, removal)
  assert.deepEqual((await shown())[1], ['a second laptop', 'removed', 'operator', 'operator'])
  const elsewhere = scopeOfOrganisation(parts.newId('organisation'))
  const seen = (await secrets.signers(elsewhere)).items.map(({ added_by, removed }) => [added_by, removed])
  assert.deepEqual(seen, [
    [null, null],
    [null, null],
  ])
})

test('what is not sealed is 422 E_PLAINTEXT, and nothing of it comes back', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  const project = await addLocalProject(parts, 'plain')
  const good = await made({ owner: project, name: 'TOKEN', value: 'some value' })
  const needle = 'needle-in-a-body-91c3'
  const bodies: unknown[] = [
    { name: 'TOKEN', value: needle },
    { ...good, value: needle },
    { ...good, plaintext: needle },
    { ...good, secret: needle },
    { ...good, sealed: { ...good.sealed, value: needle } },
    { ...good, statement: { ...good.statement, body: { ...good.statement.body, value: needle } } },
    { ...good, sealed: needle },
    {},
    [needle],
    needle,
  ]
  const path = '/api/v1/projects/plain/secrets'
  for (const body of bodies) {
    const answer = await app.call('POST', path, { cookie, body })
    assert.equal(answer.status, 422, answer.text)
    assert.equal(answer.json.code, 'MF4024')
    assert.equal(answer.text.includes(needle), false)
    assert.equal(answer.json.errors, undefined)
  }
})

test('what the vault refuses is said in its own words: which limit, which repository, what was to stay', async () => {
  const project = await addLocalProject(parts, 'worded')
  const refusal = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => assert.fail('it was taken'),
      (error: unknown) => error,
    )
    return isFault(error) ? `${error.code}: ${error.public}` : assert.fail(String(error))
  }
  const put = async (more: Partial<Parameters<typeof made>[0]>) =>
    secrets.put(
      parts.actor,
      { project },
      await made({ owner: project, name: 'TOKEN', value: 'a value', ...more }),
    )
  const value = 'some value of it'
  const tooLong = await refusal(put({ value: 'x'.repeat(64 * 1024 + 1) }))
  assert.match(tooLong, /^E_TOO_LARGE: A value of kind env has at most 65536 bytes/)
  const repository = 'git@git.example.com:acme/web.git'
  const elsewhere = await refusal(put({ value, body: { repository } }))
  assert.match(elsewhere, /^E_REPO_MISMATCH: .*pinned no address.*meant git@git\.example\.com:acme\/web\.git/)
  const { detail } = await put({ value })
  const prev = detail?.head ?? null
  assert.match(
    await refusal(put({ value, prev, body: { keeps: ['expires_at'], expires_at: nowSeconds + 1000 } })),
    /^E_STMT_KEPT: .*expires_at was to stay/,
  )
  const again = refusal(enrolSigner(call, signer))
  assert.match(await again, /^E_CONFLICT: This key was enrolled before.*make another/)
})
