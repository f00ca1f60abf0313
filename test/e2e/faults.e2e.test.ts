// kill -9 of each part, once, in the middle of a job that prints numbered lines. Afterwards: the stored log of every
// finished attempt is exactly 1…n, no acknowledged push is lost, no attempt is accepted twice, everything is terminal
// within three lease lengths, nothing is left on the machine.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Attempt, Run } from '../../src/protocol/api/shapes.ts'
import { leaseTtlMs } from '../../src/protocol/runner-wire.ts'
import { type Api, createApi, jobOf, stepIndex } from '../support/api.ts'
import { createRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { findLeftovers, installationName, processesNaming } from '../support/leftovers.ts'

const lines = 300
const config = `version: 2
jobs:
  build:
    docker: [{image: cimg/base:stable}]
    steps:
      - run:
          name: Count
          command: i=1; while [ $i -le ${lines} ]; do echo $i; i=$((i+1)); sleep 0.02; done
`

const world: { repos: string; installation: TestInstallation; api: Api } = {
  repos: '',
  installation: undefined as unknown as TestInstallation,
  api: undefined as unknown as Api,
}

before(async () => {
  world.repos = await mkdtemp(join(tmpdir(), 'mayfly-repos-'))
  await chmod(world.repos, 0o755)
  const repository = await createRepository(world.repos, 'counter', { '.circleci/config.yml': config })
  world.installation = await openInstallation({ args: ['--no-sample', '--local-repos', world.repos] })
  world.api = createApi(world.installation)
  await world.api.addProject('counter', { kind: 'local', path: repository.bare })
})

after(async () => {
  const { data, run } = world.installation
  const installation = installationName(data)
  await world.installation.close()
  await rm(world.repos, { recursive: true, force: true })
  assert.deepEqual(findLeftovers({ data, run, installation }), [])
})

const expected = Array.from({ length: lines }, (_, i) => String(i + 1))

/** Starts a run and waits until its job has printed a good part of its lines, but not all. */
const startCounting = async (): Promise<Run> => {
  const started = await world.api.post<Run>('/api/v1/runs', { project: 'counter' })
  await waitFor('the middle of the job', async () => {
    const run = await world.api.get<Run>(`/api/v1/runs/${started.id}`)
    const attempt = run.jobs.find((job) => job.key === 'build')?.attempts.at(-1)
    if (attempt === undefined || attempt.status !== 'running') return false
    const full = await world.api.get<Attempt>(`/api/v1/attempts/${attempt.id}`)
    return full.last_seq >= 2
  })
  return started
}

/** Every attempt that ended by itself has the whole log; at most one of a job passed. */
const checkRun = async (run: Run): Promise<void> => {
  assert.equal(run.status, 'passed', `run ${run.number} ended ${run.status}: ${run.headline}`)
  const attempts = jobOf(run, 'build').attempts
  assert.equal(attempts.filter((attempt) => attempt.status === 'passed').length, 1)
  for (const attempt of attempts) {
    const full = await world.api.get<Attempt>(`/api/v1/attempts/${attempt.id}`)
    if (full.steps.length === 0) continue
    const printed = await world.api.logLines(attempt.id, stepIndex(full, 'Count'))
    if (attempt.status === 'passed') assert.deepEqual(printed, expected)
    else
      assert.deepEqual(
        printed,
        expected.slice(0, printed.length),
        'a lost attempt keeps a prefix without gaps',
      )
  }
}

const pidOf = (what: RegExp): number => {
  const found = processesNaming([world.installation.data]).find(({ line }) => what.test(line))
  assert.ok(
    found,
    `no process ${what} in:\n${processesNaming([world.installation.data])
      .map(({ line }) => line)
      .join('\n')}`,
  )
  return found.pid
}

for (const [name, pattern] of [
  ['server', /\/node .*\/server\.js/],
  ['vault', /\/node .*\/vault\.js/],
  ['database', /\/postgres -D /],
  ['runner', /\/node .*\/runner\.js/],
] as const)
  test(`kill -9 of the ${name} in the middle of a job loses and doubles nothing`, async () => {
    const started = await startCounting()
    process.kill(pidOf(pattern), 'SIGKILL')
    await checkRun(await world.api.finishedRun(started.id, 3 * leaseTtlMs))
  })

test('kill -9 of the supervisor stops everything; the next up finishes what was begun', async () => {
  const started = await startCounting()
  await world.installation.kill()
  await waitFor(
    'all its processes to end',
    () => processesNaming([world.installation.data]).length === 0,
    30_000,
  )
  world.installation = await world.installation.restart()
  world.api = createApi(world.installation)
  await checkRun(await world.api.finishedRun(started.id, 3 * leaseTtlMs))
})
