// A server that lies about the script of a job gets nothing (trust-model.md §4.4 rule 3): the runner, its sandboxes, the
// repository, the compiler and the vault are real; only what a compromised server says and relays is a script. Needs root.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildCompileTool } from '../../../test/support/compile-tool.ts'
import { createRepository, type TestRepository } from '../../../test/support/git-host.ts'
import { needsRoot } from '../../../test/support/jailer.ts'
import { person } from '../../../test/support/person-git.ts'
import { noServer } from '../../../test/support/stores.ts'
import { makeWorld, newId } from '../../../test/support/vault-world.ts'
import { fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { silentLog } from '../../base/log.ts'
import { openLocalSandboxes } from '../../main/local-sandboxes.ts'
import type { JobTerms } from '../../protocol/job-terms.ts'
import type { JobSpec } from '../../protocol/plan.ts'
import type { JobLease, LeaseGrant, PlanLease } from '../../protocol/runner-wire.ts'
import { classes } from '../../sandbox/index.ts'
import { importVerifyKey, jcsDigest, signJws, specDigest } from '../../seal/index.ts'
import { createEphemeralKey, systemClock } from '../../sys/index.ts'
import { createCarryOut } from '../carry-out.ts'
import { createFetchers } from '../checkout/fetch.ts'
import { createPackStore } from '../checkout/pack-store.ts'
import { createSourceReaders } from '../checkout/source-readers.ts'
import { createCompilers } from '../compile-cell.ts'
import { runPlanAttempt } from '../plan.ts'
import type { Requests } from '../session/requests.ts'
import type { EventBody } from '../sink.ts'
import { createKnownPlans } from './known-plans.ts'

const skip = needsRoot
const token = `tok-${randomBytes(18).toString('hex')}`
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const use = `printf 'got %s\\n' "$(printf %s "$TOKEN" | sha256sum | cut -c1-64)"`
const steal = 'echo "stolen: $TOKEN" | rev'
const configuration = (command: string) => `version: 2.1
parameters: {word: {type: string, default: plain}}
jobs:
  use:
    docker: [{image: cimg/base:stable}]
    steps: [checkout, {run: ${JSON.stringify(command)}}, {run: "echo << pipeline.parameters.word >>"}]
workflows: {w: {jobs: [{use: {filters: {tags: {only: /.*/}}}}]}}
`
const got = sha256(token)

const world = await makeWorld()
let root = ''
let sandboxes: Awaited<ReturnType<typeof openLocalSandboxes>>
let [repository, evil]: (TestRepository | undefined)[] = []
let deps: Parameters<typeof createCarryOut>[0]
let compiled = 0
const closing: (() => unknown)[] = []

before(async () => {
  if (skip) return
  root = await mkdtemp(join(tmpdir(), 'mayfly-evidence-'))
  await chmod(root, 0o755)
  const [tool, repos, agentDirectory] = ['tool', 'repos', 'agents'].map((name) => join(root, name))
  await mkdir(repos ?? '')
  await mkdir(agentDirectory ?? '', { mode: 0o700 })
  const refs = ['refs/heads/*', 'refs/tags/*', 'refs/pull/**']
  await world.put('TOKEN', token, { body: { policy: { refs, events: ['push', 'tag'], min_tier: 'branch' } } })
  repository = await createRepository(repos ?? '', 'app', { '.circleci/config.yml': configuration(use) })
  // The vault has pinned the project to a path that is its own id (vault-world.ts).
  const pinned = join(repos ?? '', world.project)
  await rename(repository.bare, pinned)
  repository.git('remote', 'set-url', 'origin', pinned)
  evil = await createRepository(repos ?? '', 'evil', { '.circleci/config.yml': configuration(steal) })
  await buildCompileTool(tool ?? '')
  execFileSync('chmod', ['-R', 'a+rX', root])
  sandboxes = await openLocalSandboxes({
    ...{ privateRanges: [], repositoryRoots: [repos ?? ''], tools: { release: tool ?? '' } },
  })
  const { driver } = sandboxes
  const sources = { driver, log: silentLog, limits: classes.small.limits, privateRanges: [] }
  const cells = { ...sources, agentDirectory: agentDirectory ?? '' }
  const real = createCompilers({ driver, limits: classes.tiny.limits, tool: 'release', log: silentLog })
  const compile: typeof real.compile = (...args) => {
    compiled++
    return real.compile(...args)
  }
  const packs = createPackStore({ clock: systemClock })
  const readers = createSourceReaders(cells)
  const onStuck = () => assert.fail('stuck')
  const fetchers = createFetchers({ ...cells, clock: systemClock, keepMs: 0, onStuck })
  const vsign = await importVerifyKey(
    fromBase64Url((await world.call('health', {})).vsign) ?? new Uint8Array(),
  )
  deps = {
    ...{ ...cells, clock: systemClock, compilers: { ...real, compile }, packs, readers, fetchers },
    ...{ knownPlans: createKnownPlans(), vaultSignKey: vsign ?? assert.fail(), egressRanges: [] },
  }
  closing.push(packs.close, real.close, readers.close, fetchers.close)
})
after(async () => {
  await Promise.all(closing.map((close) => close()))
  await sandboxes?.close()
  if (root !== '') await rm(root, { recursive: true, force: true })
})

const eventOf = (commit: string, ref = 'refs/heads/main') => {
  const [branch, tag] = ref.startsWith('refs/tags/') ? [null, ref.slice(10)] : [ref.slice(11), null]
  return { kind: 'push', ref, commit, branch, tag } as const
}
const sourceOf = (path: string) => ({ kind: 'local', root: 0, path }) as const

/** What an honest server has: the plan of a commit, made by another runner. */
const planAt = async (commit: string, more: Partial<PlanLease> = {}, knownPlans = createKnownPlans()) => {
  const lease: PlanLease = { ...common(commit), kind: 'plan', parameters: {}, ...more }
  const sink = { output: () => undefined, event: () => undefined }
  const of = { attempt: newId('attempt'), lease, key: null }
  const { result } = await runPlanAttempt({ ...deps, knownPlans }, of, sink, AbortSignal.timeout(60_000))
  return result.plan ?? assert.fail(JSON.stringify(result.problems))
}
const common = (commit: string, ref?: string) => ({
  organisation: { id: world.org, name: 'acme' },
  project: { id: world.project, name: 'app', defaultBranch: 'main' },
  source: sourceOf(world.project),
  serverUrl: 'http://localhost',
  run: { id: newId('run'), number: 1, event: eventOf(commit, ref) },
  number: 1,
})

type Lies = {
  readonly lease?: Partial<JobLease>
  readonly spec?: (spec: JobSpec) => JobSpec
  readonly terms?: Partial<JobTerms>
  readonly ref?: string
}

/** A job of that commit, carried out as a server says that tells these lies, each where it is best for it. */
const play = async (commit: string, lies: Lies = {}) => {
  const planned = (await planAt(commit)).workflows[0]?.jobs[0]?.spec ?? assert.fail('no such job')
  const spec = lies.spec?.(planned) ?? planned
  const lease: JobLease = {
    ...{ ...common(commit, lies.ref), kind: 'job', workflow: { id: newId('workflow'), name: 'w' }, spec },
    ...{ job: { id: newId('job'), key: 'use', name: 'use', number: 1 }, shard: { index: 0, total: 1 } },
    ...{ class: 'small', egress: { mode: 'none', allow: [] }, planDigest: 'e'.repeat(64) },
    ...{ specDigest: await specDigest(spec), ...lies.lease },
  }
  const attempt = newId('attempt')
  const claims = world.claimsWith({
    ...{ attempt, run: lease.run.id, job: lease.job.id, ref: lease.run.event.ref, commit },
    ...{ spec_digest: lease.specDigest, plan_digest: lease.planDigest },
  })
  const ticketOf = (eph: string) => {
    const [iat, exp] = [world.clock.seconds, world.clock.seconds + 300]
    const head = { jti: newId('ticket'), epoch: world.current.vault.epoch, iss: 'server', iat, exp, eph }
    return signJws({ typ: 'mayfly-ticket+jwt', claims: { ...head, ...claims } }, world.server.privateKey)
  }
  /** As the server relays it: the request that the runner signed, with a ticket. */
  const relay = async (path: string, body: string, type: 'job' | 'secrets') => {
    const bh = createHash('sha256').update(body).digest('base64url')
    const signed = { iss: world.runner, htm: 'POST', htu: path, bh, iat: world.clock.seconds, jti: '1' }
    const jws = await signJws({ typ: 'mayfly-runner+jwt', claims: signed }, world.runnerKey.privateKey)
    const ticket = await ticketOf(JSON.parse(body).eph[0])
    const { status, body: answer } = await world.post('release', {
      ...{ ticket, poll: { jws, body }, want: [{ type }] },
    })
    const said = answer as { sealed?: string; error?: { code: Parameters<typeof fault>[0]; message: string } }
    if (status !== 200) throw fault(said.error?.code ?? 'E_INTERNAL', { public: said.error?.message ?? '' })
    return { ticket, sealed: said.sealed ?? '' }
  }
  const asked: string[] = []
  const send: Requests['send'] = async ({ path, body }) => {
    const verb = path.split('/').at(-1) ?? ''
    asked.push(verb)
    if (verb === 'terms') return { parameters: {}, orbs: {}, ...lies.terms }
    assert.equal(verb, 'secrets')
    return relay(path, Buffer.from(body as Uint8Array).toString(), 'secrets')
  }
  const eph = createEphemeralKey()
  const own = toBase64Url(eph.publicKey)
  const start = await relay('/runner/v1/poll', JSON.stringify({ eph: [own] }), 'job')
  const grant: LeaseGrant = { lease: newId('lease'), attempt, ttlMs: 60_000, eph: own, ...start, spec: lease }
  const events: EventBody[] = []
  let log = ''
  const output = (_: number, bytes: Uint8Array) => {
    log += Buffer.from(bytes).toString()
    return undefined
  }
  const none = noServer(systemClock, deps.vaultSignKey)
  const server = { ...none, runner: world.runner, requests: { ...none.requests, send } }
  const sink = { output, event: (event: EventBody) => void events.push(event) }
  const before = await releases()
  const done = await createCarryOut(deps)(grant, eph, sink, AbortSignal.timeout(60_000), server)
  const began = events.some(({ kind }) => kind === 'step-started')
  return { done, log, asked, began, released: (await releases()) - before }
}
const releases = async () =>
  (await world.call('secret.list', { owner: world.project })).secrets[0]?.releases ?? 0

/** Nothing went out, and no step began; the log says why. */
const refused = async (code: string, commit: string, lies: Lies) => {
  const { done, log, began, released } = await play(commit, lies)
  assert.deepEqual(
    [done.outcome, done.reason?.code],
    ['failed', code],
    `${JSON.stringify(done.reason)} ${log}`,
  )
  assert.deepEqual([began, released, done.destroyed, done.secretNames], [false, 0, true, undefined])
  assert.match(log, /no secrets, and so no job: /)
  assert.equal(log.includes(token), false)
  return log
}

test('a job that is what its commit says gets its secrets, and the receipt says for what', {
  skip,
}, async () => {
  const commit = repository?.head() ?? ''
  const { done, log, asked, released } = await play(commit)
  assert.equal(done.outcome, 'passed', log)
  assert.ok(log.includes(`got ${got}`), log)
  assert.match(
    log,
    /proven before secrets are asked for: \w{12} is the newest commit of refs\/heads\/main in file:0/,
  )
  assert.deepEqual([asked, released, done.secretNames], [['terms', 'secrets'], 1, ['TOKEN']])
  assert.deepEqual([done.evidence?.commit, done.evidence?.is_tip], [commit, true])
})

test('what this runner compiled itself is not compiled again, and only that', { skip }, async () => {
  const commit = repository?.push({ a: '1' }, 'more') ?? ''
  const shaped = { parameters: { word: 'other' } }
  await planAt(commit, shaped, deps.knownPlans)
  const before = compiled
  await play(commit)
  // The plan of `play` is another runner's, and the one that is known has other parameters.
  assert.equal(compiled - before, 2)
  await play(commit)
  assert.equal(compiled - before, 3, 'the proof of a moment ago')
})

test('a server that puts another script into the job gets nothing', { skip }, async () => {
  const commit = repository?.head() ?? ''
  const withStep = (change: (spec: JobSpec) => object) => (spec: JobSpec) =>
    ({ ...spec, ...change(spec) }) as JobSpec
  const cases: readonly NonNullable<Lies['spec']>[] = [
    withStep(({ steps }) => ({
      steps: steps.map((step) => (step.kind === 'run' ? { ...step, command: steal } : step)),
    })),
    withStep(({ steps }) => ({ steps: [...steps, ...steps.slice(1)] })),
    withStep(() => ({ env: [['BASH_ENV', '/tmp/x']] })),
    withStep(() => ({ image: { kind: 'container', ref: 'evil' } })),
    withStep(() => ({ contexts: ['deploy'] })),
  ]
  for (const spec of cases) {
    const log = await refused('E_SPEC_MISMATCH', commit, { spec })
    assert.match(log, /is not what the configuration of \w{12} says/)
  }
  // Parameters are the server's word, but only those that make the job which it sent.
  await refused('E_SPEC_MISMATCH', commit, { terms: { parameters: { word: '$(steal)' } } })
  await refused('E_SPEC_MISMATCH', commit, { lease: { shard: { index: 0, total: 2 } } })
  await refused('E_SPEC_MISMATCH', commit, { lease: { workflow: { id: newId('workflow'), name: 'other' } } })
  // The right job for the runner, and a ticket for another.
  await refused('E_SPEC_MISMATCH', commit, { lease: { specDigest: 'a'.repeat(64) } })
})

test('a plan that the run is said to have gone on with needs a proof of its setup job', {
  skip,
}, async () => {
  const commit = repository?.head() ?? ''
  const plan = await planAt(commit)
  const swapped = JSON.parse(JSON.stringify(plan).replaceAll('sha256sum', 'rev'))
  const spec = () => swapped.workflows[0].jobs[0].spec
  const planDigest = await jcsDigest(swapped)
  await refused('E_SPEC_MISMATCH', commit, {
    spec,
    terms: { continued: { plan: swapped } },
    lease: { planDigest },
  })
  const proof = 'eyJhbGciOiJFZERTQSJ9.e30.AAAA'
  await refused('E_SPEC_MISMATCH', commit, {
    ...{ spec, terms: { continued: { plan: swapped, proof } }, lease: { planDigest } },
  })
})

test('a commit of another repository, or of no branch or tag of this one, gets nothing', {
  skip,
}, async () => {
  assert.ok(repository && evil)
  const main = repository.head()
  const foreign = sourceOf('evil.git')
  const theirs = evil.head()
  const evilSpec = (await planAt(theirs, { source: foreign })).workflows[0]?.jobs[0]?.spec ?? assert.fail()
  const event = { id: newId('run'), number: 1, event: eventOf(theirs) }
  const specOf = { spec: evilSpec, specDigest: await specDigest(evilSpec) }
  const { done, released, began } = await play(main, {
    lease: { source: foreign, run: { ...event, event: eventOf(theirs) }, ...specOf },
  })
  assert.deepEqual([done.reason?.code, released, began], ['E_REPO_MISMATCH', 0, false])

  repository.git('checkout', '--quiet', '-b', 'side')
  repository.git(...person, 'commit', '--quiet', '--allow-empty', '--message', 'aside')
  repository.git('push', '--quiet', 'origin', 'HEAD:refs/heads/side', 'HEAD:refs/pull/1/head')
  const side = repository.head()
  repository.git('checkout', '--quiet', 'main')
  assert.match(await refused('E_REF_UNREACHABLE', side, {}), /does not lie on refs\/heads\/main/)
  await refused('E_REF_UNREACHABLE', main, { ref: 'refs/heads/gone' })
  await refused('E_TIER', side, {
    lease: { run: { ...event, event: { ...eventOf(side), ref: 'refs/pull/1/head' } } },
  })
})

test('an older commit of its branch and the commit of a tag are proven; the first is not the newest', {
  skip,
}, async () => {
  assert.ok(repository)
  const older = repository.head()
  repository.git(...person, 'tag', '--annotate', '--message', 'one', 'v1')
  repository.git('push', '--quiet', 'origin', 'v1')
  const tip = repository.push({ b: '1' }, 'newer')
  const { done, log } = await play(older)
  assert.equal(done.outcome, 'passed', log)
  assert.deepEqual([done.evidence?.is_tip, done.evidence?.ref_tip], [false, tip])
  assert.match(log, /is a commit of refs\/heads\/main, which is at \w{12} by now/)
  const tagged = await play(older, { ref: 'refs/tags/v1' })
  assert.deepEqual([tagged.done.outcome, tagged.done.evidence?.is_tip], ['passed', true], tagged.log)
})

test('a job that is owed nothing asks nothing and proves nothing', { skip }, async () => {
  const before = compiled
  const { done, asked, log } = await play(repository?.head() ?? '', { ref: 'refs/heads/of/nobody' })
  assert.deepEqual([done.outcome, asked, done.evidence], ['passed', [], undefined], log)
  assert.equal(compiled - before, 1, 'only the plan')
})
