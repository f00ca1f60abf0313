// Rule 3 of a release through the verbs of a real vault: a test for each way in which what a runner has proven is not what the
// server says or the vault has pinned. Nothing goes out then, and the audit log says for which attempt somebody wanted it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signContext, signSet } from '../../test/support/signer.ts'
import { makeWorld, newId } from '../../test/support/vault-world.ts'
import { toBase64Url } from '../base/bytes.ts'
import { contextId } from '../protocol/contexts.ts'
import { type ContinuationClaims, continuationTyp, type Evidence } from '../protocol/evidence.ts'
import { defaultPolicy } from '../protocol/statement.ts'
import { generateSigningKey, signJws } from '../seal/index.ts'

const makeProven = async () => {
  const world = await makeWorld()
  await world.put('TOKEN', 'hunter2hunter2')
  const audit = async () =>
    (await readFile(join(world.options.dataDir, 'audit.log'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, string>>)
  /** One attempt with true evidence, but for these. */
  const refuses = async (
    code: string,
    {
      claims: changed = {},
      evidence = {},
      body = {},
    }: { claims?: object; evidence?: Partial<Evidence>; body?: object },
  ) => {
    const claims = world.claimsWith(changed)
    const { request } = await world.askSecrets(claims, evidence, body)
    await world.refused('release', request, code, JSON.stringify({ changed, evidence, body }))
    return claims
  }
  return { ...world, audit, refuses }
}

test('a job attempt hears that it is owed secrets, and gets them for evidence only', async () => {
  const { release, audit, claimsWith, askSecrets, refused } = await makeProven()
  const { payload, values, claims } = await release()
  assert.deepEqual([payload.agent, values], [null, { TOKEN: 'hunter2hunter2' }])
  const [first, second] = (await audit()).slice(-2)
  assert.deepEqual([first?.type, first?.secrets, first?.attempt], ['job', undefined, claims.attempt])
  assert.deepEqual(
    [second?.type, second?.secrets, second?.ref, second?.commit, second?.tip],
    ['secrets', 'TOKEN', 'refs/heads/main', 'c'.repeat(40), 'true'],
  )
  // An answer that was lost is asked for again, but not for ever.
  const again = claimsWith({})
  for (let i = 0; i < 12; i++) await (await askSecrets(again)).open()
  await refused('release', (await askSecrets(again)).request, 'E_FORBIDDEN', 'the thirteenth time')
})

test('another repository, commit, ref, script or tier than the ticket and the vault say: each is refused', async () => {
  const { refuses, audit, call, project, org } = await makeProven()
  const other = 'f'.repeat(40)
  const cases: readonly (readonly [string, Parameters<typeof refuses>[1]])[] = [
    ['E_REPO_MISMATCH', { evidence: { repo: 'file:0/another' } }],
    ['E_REPO_MISMATCH', { evidence: { repo: 'ssh://git@code.example:22/team/app.git' } }],
    ['E_SPEC_MISMATCH', { evidence: { commit: other, ref_tip: other } }],
    ['E_SPEC_MISMATCH', { evidence: { ref: 'refs/heads/other' } }],
    ['E_SPEC_MISMATCH', { evidence: { spec_digest: '0'.repeat(64) } }],
    [
      'E_SPEC_MISMATCH',
      { claims: { spec_digest: '0'.repeat(64) }, evidence: { spec_digest: 'd'.repeat(64) } },
    ],
    ['E_SPEC_MISMATCH', { claims: { spec_digest: undefined }, evidence: { spec_digest: 'd'.repeat(64) } }],
    ['E_REPO_MISMATCH', { evidence: { url: 'git@elsewhere.example:app.git' } }],
    // A job that names no context is given none, whatever the ticket says.
    ['E_SPEC_MISMATCH', { claims: { contexts: [contextId(org, 'deploy')] }, evidence: { contexts: [] } }],
    ['E_SPEC_MISMATCH', { evidence: { contexts: [contextId(org, 'deploy')] } }],
    ['E_TIER', { claims: { tier: 'protected' } }],
    ['E_TIER', { claims: { tier: 'protected' }, evidence: { tier: 'protected' } }],
    ['E_TIER', { evidence: { tier: 'protected' } }],
    ['E_TIER', { claims: { tier: 'fork' } }],
    ['E_TIER', { claims: { ref: 'refs/pull/7/head' } }],
    ['E_TIER', { claims: { ref: 'refs/mayfly/main' } }],
    ['E_INPUT', { evidence: { is_tip: false } }],
    ['E_INPUT', { evidence: { ref_tip: other } }],
    ['E_INPUT', { body: { attempt: newId('attempt') } }],
    ['E_INPUT', { body: { evidence: undefined } }],
    ['E_INPUT', { claims: { purpose: 'plan' } }],
  ]
  for (const [code, changes] of cases) {
    const { attempt } = await refuses(code, changes)
    const lines = (await audit()).filter((line) => line.attempt === attempt)
    assert.equal(
      lines.some(({ secrets }) => secrets !== undefined),
      false,
    )
    if (code !== 'E_INPUT') assert.equal(lines.at(-1)?.denied, code)
  }
  assert.equal((await call('secret.list', { owner: project })).secrets[0]?.releases, 0)
})

test('what a job starts with holds no secret, whatever a server asks for', async () => {
  const { claimsWith, release, askSecrets, refused } = await makeProven()
  const { payload } = await release({ ref: 'refs/heads/other' })
  assert.deepEqual(payload, { agent: null, secrets: [] })
  // A poll is no evidence, and neither is a request of another kind.
  const { request } = await askSecrets(claimsWith({}), {}, { v: 2 })
  await refused('release', request, 'E_INPUT', 'not of this protocol')
})

test('a secret for the newest commit only is left out for an older one, and the others go', async () => {
  const { put, release } = await makeProven()
  await put('DEPLOY', 'only the newest', { body: { policy: { ...defaultPolicy('main'), freshness: 'tip' } } })
  assert.deepEqual(Object.keys((await release()).values), ['DEPLOY', 'TOKEN'])
  const behind = { is_tip: false, ref_tip: 'f'.repeat(40) }
  const { values, payload } = await release({}, behind)
  assert.deepEqual([Object.keys(values), payload.stale], [['TOKEN'], ['DEPLOY']])
})

test('an orb is what it was when secrets first went to a job made from it, after a restart too', async () => {
  const { release, refuses, restart } = await makeProven()
  const orb = (sha256: string) => ({ orbs: [{ id: 'circleci/node@5.1.0', sha256: sha256.repeat(64) }] })
  assert.deepEqual(Object.keys((await release({}, orb('a'))).values), ['TOKEN'])
  await restart()
  await refuses('E_SPEC_MISMATCH', { evidence: orb('b') })
  assert.deepEqual(Object.keys((await release({}, orb('a'))).values), ['TOKEN'])
})

test('jobs of a plan that a run went on with need the word of the runner of its setup job', async () => {
  const { org, call, runner, runnerKey, release, refuses, claimsWith, project, clock } = await makeProven()
  const claims = claimsWith({})
  const told: ContinuationClaims = {
    ...{ iss: runner, iat: clock.seconds, project, run: claims.run, attempt: newId('attempt') },
    ...{ repo: `file:0/${project}`, ref: 'refs/heads/main', commit: 'c'.repeat(40) },
    ...{ plan_digest: 'e'.repeat(64), orbs: [] },
  }
  const vouched = async (changes: object = {}, { key = runnerKey, kid = runner as string } = {}) => ({
    continued: {
      plan_digest: 'e'.repeat(64),
      proof: await signJws({ typ: continuationTyp, kid, claims: { ...told, ...changes } }, key.privateKey),
    },
  })
  const of = { run: claims.run }
  assert.deepEqual(Object.keys((await release(of, await vouched())).values), ['TOKEN'])
  const stranger = await generateSigningKey()
  const foreign = newId('runner')
  const publicKey = toBase64Url(stranger.publicKey)
  const scope = { org, projects: [newId('project')], tierMax: 'branch' } as const
  await call('runner.enroll', { runner: foreign, publicKey, ...scope })
  const bad = [
    await vouched({ run: newId('run') }),
    await vouched({ project: newId('project') }),
    await vouched({ plan_digest: 'f'.repeat(64) }),
    {
      continued: {
        ...(await vouched({ plan_digest: 'f'.repeat(64) })).continued,
        plan_digest: 'f'.repeat(64),
      },
    },
    { continued: { ...(await vouched()).continued, plan_digest: 'f'.repeat(64) } },
    await vouched({ iss: newId('runner') }),
    await vouched({ commit: 'f'.repeat(40) }),
    await vouched({ ref: 'refs/heads/other' }),
    await vouched({ repo: 'file:0/another' }),
    await vouched({}, { key: stranger }),
    await vouched({}, { kid: newId('runner') }),
    await vouched({}, { key: stranger, kid: foreign }),
  ]
  for (const evidence of bad.slice(0, -1)) await refuses('E_SPEC_MISMATCH', { claims: of, evidence })
  await refuses('E_RUNNER_SCOPE', { claims: of, evidence: bad.at(-1) ?? {} })
  const orbs = [{ id: 'a/b@1.0.0', sha256: '1'.repeat(64) }]
  await release(of, await vouched({ orbs }))
  const swapped = await vouched({ orbs: [{ id: 'a/b@1.0.0', sha256: '2'.repeat(64) }] })
  await refuses('E_SPEC_MISMATCH', { claims: of, evidence: swapped })
})

test('while there is something to release the repository of a project stays the one it was put for', async () => {
  const { call, refused, project, org, signer, clock } = await makeProven()
  const moved = { project, source: { kind: 'local', root: 0, path: 'another' } } as const
  await refused('project.set', moved, 'E_CONFLICT')
  const { secrets } = await call('secret.list', { owner: project })
  for (const { name, head: prev } of secrets) {
    const of = { owner: project, name, nowSeconds: clock.seconds, prev, body: { state: 'disabled' as const } }
    await call('secret.set', { owner: project, name, ...(await signSet(signer, of)) })
  }
  assert.ok(secrets.length > 0)
  await refused('project.set', moved, 'E_CONFLICT', 'what is disabled can be enabled')
  const named = newId('project')
  const source = { kind: 'local', root: 0, path: 'evil' } as const
  const rules = { projects: [named] }
  const signed = await signContext(signer, { org, name: 'c', nowSeconds: clock.seconds, prev: null, rules })
  await call('context.put', { org, ...signed })
  await refused('project.create', { project: named, org, source }, 'E_CONFLICT')
})
