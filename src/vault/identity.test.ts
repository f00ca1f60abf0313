// Identity tokens from the vault, through its verbs only: what they say, who checks them how, who gets none, and what a
// rotation leaves good.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { evidenceOf } from '../../test/support/evidence.ts'
import { signContext } from '../../test/support/signer.ts'
import { makeWorld, newId, start } from '../../test/support/vault-world.ts'
import { fromBase64Url, toBase64Url, utf8Decode } from '../base/bytes.ts'
import { uuidOf } from '../base/ids.ts'
import { parseShape } from '../base/shape.ts'
import { contextId, contextsOfJobMax } from '../protocol/contexts.ts'
import type { Evidence } from '../protocol/evidence.ts'
import { audiencesMax, identityPayload } from '../protocol/identity.ts'
import type { VaultRequest } from '../protocol/vault.ts'
import { generateSealingKey, importVerifyKey, openRelease, signJws } from '../seal/index.ts'
import { randomBytes } from '../sys/index.ts'

const issuerOf = (org: string) => `https://id.example/org/${uuidOf(org)}`

const url = 'git@code.example:team/app.git'
const repo = 'ssh://git@code.example:22/team/app.git'
const makeIdentities = async () => {
  const world = await makeWorld()
  const project = newId('project')
  const source = {
    kind: 'ssh',
    url,
    host: 'code.example',
    port: 22,
  } as const
  const at = { ...source, user: 'git', path: 'team/app.git' }
  await world.call('project.create', { project, org: world.org, source: at })
  return { ...world, project }
}
type World = Awaited<ReturnType<typeof makeIdentities>>

type Changes = {
  readonly claims?: Record<string, unknown>
  readonly body?: object
  readonly path?: string
  readonly want?: VaultRequest<'release'>['want']
}

const releaseOf = async (world: World, changes: Changes = {}) => {
  const eph = await generateSealingKey()
  const [listed, lease, attempt] = [toBase64Url(eph.publicKey), newId('lease'), newId('attempt')]
  const claims = {
    ...{
      jti: newId('ticket'),
      epoch: world.current.vault.epoch,
      iss: 'server',
      purpose: 'job',
      tier: 'branch',
    },
    ...{ iat: world.clock.seconds, exp: world.clock.seconds + 300, org: world.org, project: world.project },
    ...{ attempt, runner: world.runner, eph: listed, run: newId('run'), job: newId('job') },
    ...{ workflow: newId('workflow'), ref: 'refs/heads/main', event: 'push', commit: 'c'.repeat(40) },
    spec_digest: 'd'.repeat(64),
    ...changes.claims,
  }
  const { commit, spec_digest: spec } = claims
  const ref = claims.ref ?? 'refs/heads/main'
  const contexts = (changes.claims?.contexts ?? []) as Evidence['contexts']
  const evidence = evidenceOf({ repo, ref, commit, spec }, { url, contexts })
  const ticket = await signJws({ typ: 'mayfly-ticket+jwt', claims }, world.server.privateKey)
  const body = JSON.stringify({
    v: 1,
    attempt,
    step: 2,
    audiences: [null],
    evidence,
    eph: [listed],
    ...changes.body,
  })
  const htu = `https://ci.example:8421${changes.path ?? `/runner/v1/leases/${lease}/identity`}`
  const bh = createHash('sha256').update(body).digest('base64url')
  const jws = await signJws(
    {
      ...{ typ: 'mayfly-runner+jwt', kid: world.runner },
      claims: { iss: world.runner, htm: 'POST', htu, bh, iat: world.clock.seconds, jti: 'r' },
    },
    world.runnerKey.privateKey,
  )
  const request = { ticket, poll: { jws, body }, want: changes.want ?? [{ type: 'oidc' as const }] }
  return { request, eph, ticket, claims }
}

const mint = async (world: World, changes: Changes = {}) => {
  const made = await releaseOf(world, changes)
  const { sealed } = await world.call('release', made.request)
  const vsign = await importVerifyKey(
    fromBase64Url((await world.call('health', {})).vsign ?? '') ?? new Uint8Array(),
  )
  assert.ok(vsign)
  const bytes = await openRelease(made.eph, sealed ?? '', { ticket: made.ticket, vsign })
  assert.ok(bytes, 'it opens for the runner that asked')
  const payload = parseShape(identityPayload, JSON.parse(utf8Decode(bytes)))
  assert.ok(payload.ok, JSON.stringify(payload.problems))
  return { ...payload.value, claims: made.claims }
}
const refused = async (world: World, code: string, changes: Changes) => {
  const { request } = await releaseOf(world, changes)
  await world.refused('release', request, code, JSON.stringify(changes))
}

type Key = { readonly kid: string }
const published = async (world: World): Promise<readonly Key[]> =>
  JSON.parse((await world.call('oidc.issuer', { org: world.org })).jwks ?? '').keys

/** As a cloud does it: by the documents alone. null: not by this issuer. */
const check = async (world: World, token: string): Promise<Record<string, unknown> | null> => {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const { alg, kid } = read(header)
  assert.equal(alg, 'RS256')
  const jwk = (await published(world)).find((key) => key.kid === kid)
  if (jwk === undefined) return null
  const key = createPublicKey({ key: jwk as never, format: 'jwk' })
  const isGood = verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${payload}`),
    key,
    Buffer.from(signature, 'base64url'),
  )
  return isGood ? read(payload) : null
}

test('a job gets both variables for its organisation, and a token for each audience that its runner signed for', async () => {
  const world = await makeIdentities()
  const actor = newId('user')
  const { tokens, exp, left, claims } = await mint(world, {
    body: { audiences: [null, 'sts.example.com', null] },
    claims: { actor },
  })
  assert.deepEqual([exp, left], [start + 900, undefined])
  assert.deepEqual(
    tokens.map(({ audience, profile }) => [audience, profile]),
    [
      [null, 'circleci-1'],
      [null, 'circleci-2'],
      ['sts.example.com', 'circleci-2'],
    ],
  )
  const said = await Promise.all(tokens.map(({ token }) => check(world, token)))
  const first = `org/${uuidOf(world.org)}/project/${uuidOf(world.project)}/user/${uuidOf(actor)}`
  const second = `${first}/vcs-origin/code.example/team/app/vcs-ref/refs/heads/main`
  assert.deepEqual(
    said.map((token) => [token?.iss, token?.aud, token?.sub]),
    [
      [issuerOf(world.org), uuidOf(world.org), first],
      [issuerOf(world.org), uuidOf(world.org), second],
      [issuerOf(world.org), 'sts.example.com', second],
    ],
  )
  const { jti, ...facts } = said[1] ?? {}
  assert.equal(new Set(said.map((token) => token?.jti)).size, 3, String(jti))
  assert.deepEqual(facts, {
    ...{
      iss: issuerOf(world.org),
      aud: uuidOf(world.org),
      sub: second,
      iat: start,
      nbf: start,
      exp: start + 900,
    },
    ...{ org_id: world.org, project_id: world.project, repository: 'code.example/team/app', tier: 'branch' },
    ...{ ref: 'refs/heads/main', ref_type: 'branch', sha: 'c'.repeat(40), event: 'push', step: 2 },
    ...{
      run_id: claims.run,
      job_id: claims.job,
      attempt_id: claims.attempt,
      runner_id: world.runner,
      actor_id: actor,
    },
    ...{ runner_environment: 'self-hosted', 'oidc.circleci.com/ssh-rerun': false },
    spec_digest: 'd'.repeat(64),
    'oidc.circleci.com/org-id': uuidOf(world.org),
    'oidc.circleci.com/project-id': uuidOf(world.project),
    'oidc.circleci.com/pipeline-id': uuidOf(claims.run),
    'oidc.circleci.com/workflow-id': uuidOf(claims.workflow),
    'oidc.circleci.com/job-id': uuidOf(claims.job),
    'oidc.circleci.com/vcs-origin': 'code.example/team/app',
    'oidc.circleci.com/vcs-ref': 'refs/heads/main',
  })
})

test('the documents are those of a discoverable issuer', async () => {
  const world = await makeIdentities()
  const { issuer, configuration } = await world.call('oidc.issuer', { org: world.org })
  assert.equal(issuer, issuerOf(world.org))
  const { issuer: said, jwks_uri: keys } = JSON.parse(configuration ?? '')
  assert.deepEqual([said, keys], [issuer, `${issuer}/.well-known/jwks.json`])
  assert.deepEqual(
    (await published(world)).map((key) => Object.keys(key).sort()),
    [['alg', 'e', 'kid', 'kty', 'n', 'use']],
  )
  const told = await world.call('oidc.project', { project: world.project, ref: 'refs/heads/main' })
  const { tokens } = await mint(world)
  assert.equal(told.subjectWithRef, (await check(world, tokens[1]?.token ?? ''))?.sub)
  const { issuers } = await world.call('oidc.issuers', {})
  assert.deepEqual(issuers, [
    { path: `/org/${uuidOf(world.org)}`, documents: await world.call('oidc.issuer', { org: world.org }) },
  ])
})

test('a ref with a word of the profile has no token that names it, and is told why', async () => {
  const world = await makeIdentities()
  const { tokens, left } = await mint(world, {
    claims: { ref: 'refs/heads/user/jane' },
    body: { audiences: [null, 'sts.example.com'] },
  })
  assert.deepEqual(
    tokens.map(({ audience, profile }) => [audience, profile]),
    [[null, 'circleci-1']],
  )
  assert.match(left ?? '', /E_SUB_AMBIGUOUS/)
})

const proven = (digit: string) => ({
  evidence: evidenceOf(
    { repo, ref: 'refs/heads/main', commit: 'c'.repeat(40), spec: digit.repeat(64) },
    { url },
  ),
})

test('nobody else gets one: no fork, no plan, no attempt without a run, no request that asked for something else', async () => {
  const world = await makeIdentities()
  await refused(world, 'E_FORBIDDEN', { claims: { tier: 'fork' } })
  await refused(world, 'E_FORBIDDEN', { claims: { run: undefined } })
  await refused(world, 'E_FORBIDDEN', { claims: { ref: undefined } })
  await refused(world, 'E_INPUT', { claims: { purpose: 'plan' } })
  await refused(world, 'E_INPUT', { body: { attempt: newId('attempt') } })
  await refused(world, 'E_INPUT', { body: { audiences: [] } })
  await refused(world, 'E_INPUT', { body: { evidence: undefined } })
  await refused(world, 'E_SPEC_MISMATCH', { claims: { spec_digest: '0'.repeat(64) }, body: proven('d') })
  await refused(world, 'E_SPEC_MISMATCH', { claims: { commit: '1'.repeat(40) }, body: proven('d') })
  await refused(world, 'E_INPUT', { body: { audiences: ['a b'] } })
  await refused(world, 'E_INPUT', { body: { audiences: undefined, session: 1, free: {} } })
  await refused(world, 'E_RUNNER_SIG', { body: { eph: [toBase64Url(randomBytes(32))] } })
  await refused(world, 'E_RUNNER_SIG', { path: '/runner/v1/leases/x/identity' })
  await refused(world, 'E_INPUT', { want: [{ type: 'oidc', audiences: ['more'] } as never] })
  const stranger = { claims: { org: newId('organisation') } }
  await refused(world, 'E_RUNNER_SCOPE', stranger)
  const { request } = await releaseOf(world)
  await world.call('release', request)
  await world.refused('release', request, 'E_USED')
  const log = await readFile(join(world.options.dataDir, 'audit.log'), 'utf8')
  assert.match(log, new RegExp(`"type":"oidc".*"audiences":"${world.org}"`))
})

test('after a rotation the newest key signs, and the older token is good until it expires, over restarts', async () => {
  const world = await makeIdentities()
  const { tokens: before } = await mint(world)
  const old = before[1]?.token ?? ''
  const { kid } = await world.call('oidc.rotate', {})
  const [newest, older] = await published(world)
  assert.equal(newest?.kid, kid)
  assert.ok(older !== undefined && older.kid !== kid)
  const { tokens } = await mint(world)
  assert.equal(JSON.parse(Buffer.from(tokens[1]?.token.split('.')[0] ?? '', 'base64url').toString()).kid, kid)
  const files = await readdir(join(world.options.dataDir, 'store', 'identity'))
  const records = await Promise.all(
    files
      .sort()
      .map(
        async (name) =>
          JSON.parse(await readFile(join(world.options.dataDir, 'store', 'identity', name), 'utf8')).body,
      ),
  )
  assert.deepEqual(
    records.map(({ wrapped }) => wrapped === ''),
    [true, false],
    'the retired private half is gone',
  )
  world.clock.seconds += 900
  await world.restart()
  assert.ok(await check(world, old), 'in its last second')
  world.clock.seconds += 61
  assert.equal(await check(world, old), null)
  assert.deepEqual(
    (await published(world)).map((key) => key.kid),
    [kid],
  )
})

test('two that need the first key at once get the same one', async () => {
  const world = await makeIdentities()
  await Promise.all([mint(world), mint(world), published(world), world.call('oidc.issuers', {})])
  assert.equal((await published(world)).length, 1)
})

test('contexts are named that admit the job; one that does not leaves it without a token', async () => {
  const world = await makeIdentities()
  const { org, project, signer, clock } = world
  const put = async (name: string, projects: readonly (typeof project)[]) =>
    world.call('context.put', {
      org,
      ...(await signContext(signer, {
        ...{ org, name, nowSeconds: clock.seconds, prev: null },
        rules: { projects: [...projects], refs: ['refs/heads/main'] },
      })),
    })
  await put('deploy', [project])
  await put('others', [newId('project')])
  const [deploy, others] = [contextId(org, 'deploy'), contextId(org, 'others')]
  const { tokens } = await mint(world, { claims: { contexts: [deploy] } })
  const said = await check(world, tokens[1]?.token ?? '')
  assert.deepEqual(said?.['oidc.circleci.com/context-ids'], [uuidOf(deploy)])
  await refused(world, 'E_FORBIDDEN', { claims: { contexts: [deploy, others] } })
  await refused(world, 'E_FORBIDDEN', { claims: { contexts: [deploy], ref: 'refs/heads/other' } })
})

test('a step is given tokens twelve times, the next one again', async () => {
  const world = await makeIdentities()
  const attempt = newId('attempt')
  const of = (step: number) => ({ claims: { attempt }, body: { attempt, step } })
  for (let time = 1; time <= 12; time++) await mint(world, of(2))
  await refused(world, 'E_FORBIDDEN', of(2))
  assert.equal((await mint(world, of(3))).tokens.length, 2)
})

test('a job that names as many contexts as it may is given a token for each audience that it may name', async () => {
  const world = await makeIdentities()
  const { org, project, call, signer, clock } = world
  const names = Array.from({ length: contextsOfJobMax }, (_, i) => `context-${i}`)
  const rules = { projects: [project], refs: ['refs/**'] }
  for (const name of names)
    await call('context.put', {
      org,
      ...(await signContext(signer, { org, name, nowSeconds: clock.seconds, rules })),
    })
  const ref = `refs/heads/${'\u5206'.repeat(80)}`
  const contexts = names.map((name) => contextId(org, name))
  const audiences = Array.from({ length: audiencesMax }, (_, i) => (i === 0 ? null : `sts-${i}.example.com`))
  const { tokens } = await mint(world, { claims: { ref, contexts }, body: { audiences } })
  assert.equal(tokens.length, audiencesMax + 1)
  const claims = await check(world, tokens[0]?.token ?? '')
  assert.deepEqual(claims?.['oidc.circleci.com/context-ids'], contexts.map(uuidOf))
})
