// Identity tokens between a real server, a real vault and the runner's own client: an attempt gets what its stored plan declares
// and nothing else, and the server can read none of it.
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { evidenceOfJob } from '../../../test/support/evidence.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { runnerRequests } from '../../../test/support/runner-requests.ts'
import { createScriptedRunner, type Held, planJob } from '../../../test/support/scripted-runner.ts'
import { fromBase64Url } from '../../base/bytes.ts'
import { uuidOf } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { createServerIdentity } from '../../runner/identity/server-identity.ts'
import { importVerifyKey } from '../../seal/index.ts'
import { systemClock } from '../../sys/index.ts'
import { createIdentity } from './identity.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const enrolled = await enrolRunner(parts, 'one')
const other = await enrolRunner(parts, 'other')
const runner = createScriptedRunner(parts, enrolled, { free: { 'built-in': 4, small: 8 } })
after(() => runner.close())
const vsign = fromBase64Url((await parts.vault.call('health', {})).vsign) ?? assert.fail()
const vaultSignKey = (await importVerifyKey(vsign)) ?? assert.fail()

const [own, foreign] = [runnerRequests(parts, enrolled), runnerRequests(parts, other)]
const tokensOf = (
  held: Held,
  audiences: readonly (string | null)[],
  { step = 1, requests = own }: { step?: number; requests?: typeof own } = {},
) => {
  const deps = {
    requests,
    grant: held,
    log: silentLog,
    vaultSignKey,
    prove: async () => ({ evidence: evidenceOfJob(held) }),
  }
  return createServerIdentity(deps, () => undefined).tokens(step, audiences, AbortSignal.timeout(30_000))
}

/** The one job of a run whose plan declares these. */
const jobOf = async (audiences?: readonly (string | null)[]) => {
  const { id } = await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  const [plan] = await runner.take({}, 1)
  const job = planJob({ key: 'a' })
  assert.ok(job.spec)
  const spec = { ...job.spec, ...(audiences && { audiences }) }
  await runner.finishPlan(plan ?? assert.fail(), [{ ...job, spec }])
  const [held] = await runner.take({}, 1)
  return { run: id, held: held ?? assert.fail() }
}
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
const serverUrl = () => 'https://ci.example'
const identity = createIdentity({ ...parts, clock: systemClock, serverUrl })

test('an attempt gets what its plan declares, with who started its run', async () => {
  const { run, held } = await jobOf([null, 'sts.example.com'])
  const person = parts.newId('user')
  await sql`insert into users (id, organisation_id, name, email, role) values (${person}, ${parts.organisation}, 'Ada', 'ada@example.invalid', 'owner')`.execute(
    parts.db,
  )
  await sql`update runs set started_by = ${person} where id = ${run}`.execute(parts.db)
  const { tokens } = await tokensOf(held, [null, 'sts.example.com'])
  const [first, second, asked] = tokens.map(({ token }) => claimsOf(token))
  assert.equal(
    first.sub,
    `org/${uuidOf(parts.organisation)}/project/${uuidOf(project)}/user/${uuidOf(person)}`,
  )
  assert.equal(second.sub, `${first.sub}/vcs-origin/file%3A0/web/vcs-ref/refs/heads/main`)
  assert.deepEqual([first.aud, asked.aud], [uuidOf(parts.organisation), 'sts.example.com'])
  assert.deepEqual([first.run_id, first.attempt_id, first.actor_id], [run, held.attempt, person])
  const again = await tokensOf(held, [null])
  assert.equal(again.tokens.length, 2, 'as often as a step begins')
  await runner.finish(held)
  await assert.rejects(tokensOf(held, [null]), { code: 'E_LEASE_LOST' })
})

test('what the plan does not declare, a step it does not have and a lease of somebody else get nothing', async () => {
  const { held } = await jobOf(['sts.example.com'])
  await assert.rejects(tokensOf(held, [null]), { code: 'E_FORBIDDEN' })
  await assert.rejects(tokensOf(held, ['sts.example.com', 'more.example.com']), { code: 'E_FORBIDDEN' })
  await assert.rejects(tokensOf(held, ['sts.example.com'], { step: 99 }), { code: 'E_FORBIDDEN' })
  await assert.rejects(tokensOf(held, ['sts.example.com'], { requests: foreign }), { code: 'E_LEASE_LOST' })
  assert.equal((await tokensOf(held, ['sts.example.com'])).tokens.length, 1)
  await runner.finish(held)
  const plain = await jobOf()
  await assert.rejects(tokensOf(plain.held, [null]), { code: 'E_FORBIDDEN' })
  await runner.finish(plain.held)
})

test('an organisation has an issuer whose keys check its tokens, also while the vault is away; others have none', async () => {
  const { held } = await jobOf([null])
  const [made] = (await tokensOf(held, [null])).tokens
  const [header = '', payload = '', signature = ''] = made?.token.split('.') ?? []
  const documents = await identity.documents(uuidOf(parts.organisation))
  assert.equal(claimsOf(made?.token ?? '').iss, documents.issuer)
  const { keys } = JSON.parse(documents.jwks)
  const key = createPublicKey({ key: keys[0], format: 'jwk' })
  assert.ok(
    verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')),
  )
  await assert.rejects(identity.documents(uuidOf(project)), { code: 'E_NOT_FOUND' })
  await assert.rejects(identity.documents('x'), { code: 'E_NOT_FOUND' })
  const told = await identity.ofProject(parts.scope, 'web')
  assert.deepEqual([told.ref, told.key_ids, told.served_here], ['refs/heads/main', [keys[0].kid], false])
  assert.equal((await identity.ofProject(parts.scope, 'web', 'refs/tags/org')).subject_v2, null)
  await assert.rejects(identity.ofProject(parts.scope, 'nowhere'), { code: 'E_NOT_FOUND' })
  let isAway = false
  const clock = { ms: 0 }
  const flaky = createIdentity({
    database: parts.database,
    vault: {
      call: (verb, request) =>
        isAway ? Promise.reject(new Error('the vault is away')) : parts.vault.call(verb, request),
    },
    clock: { monotonicMs: () => clock.ms },
    serverUrl: () => 'https://id.example',
  })
  assert.equal((await flaky.ofProject(parts.scope, 'web')).served_here, true)
  await flaky.documents(uuidOf(parts.organisation))
  isAway = true
  clock.ms += 3_600_000
  assert.deepEqual(await flaky.documents(uuidOf(parts.organisation)), documents)
  await runner.finish(held)
})
