// Intake with the whole installation: a real runner looks at a real repository in a sandbox, also for what was pushed while
// everything was down; any tool that signs is heard; a schedule begins a run by itself; replays.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Schedule } from '../../src/protocol/api/schedules.ts'
import type {
  DeclaredParameters,
  Delivery,
  Project,
  Run,
  RunChangedFiles,
  RunSummary,
} from '../../src/protocol/api/shapes.ts'
import { createRepository, type GitHost, openGitHost, type TestRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'

const config = `version: 2.1
parameters: {level: {type: integer, default: 1}}
jobs:
  say:
    docker: [{image: cimg/base:stable}]
    steps:
      - run: echo level << pipeline.parameters.level >> << pipeline.schedule.name >>
      - run: echo "<< pipeline.event.name >> since << pipeline.git.base_revision >> of [$CIRCLE_PULL_REQUEST]"
workflows:
  all: {jobs: [say]}
`
let installation: TestInstallation
let repository: TestRepository
let directory: string
let project: Project
let host: GitHost

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-intake-'))
  await chmod(directory, 0o755)
  repository = await createRepository(directory, 'web', { '.circleci/config.yml': config })
  host = await openGitHost()
  const settings = `sources: {allow: ["127.0.0.1/32:${host.port}"]}\n`
  const args = ['--no-sample', '--local-repos', directory]
  installation = await openInstallation({ args, settings, keepData: true })
  const added = installation.cli('project', 'add', 'web', '--path', repository.bare, '--json')
  assert.equal(added.code, 0, added.stderr)
  project = JSON.parse(added.stdout)
})
after(async () => {
  await installation?.close()
  await host?.close()
  if (installation) await rm(join(installation.data, '..'), { recursive: true, force: true })
  await rm(directory, { recursive: true, force: true })
})

const ask = <T>(...words: string[]): T => {
  const { code, stdout, stderr } = installation.cli(...words, '-R', 'web', '--json')
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}
const deliveries = () => ask<{ items: Delivery[] }>('deliveries', 'list', '--limit', '50').items
const runs = () => ask<{ items: RunSummary[] }>('runs', 'list', '--limit', '50').items
const found = (commit: string) =>
  waitFor('the look finds it', () => deliveries().find((each) => each.new === commit), 70_000)
const passed = (run: string | null | undefined) =>
  waitFor('the run passes', () => runs().find(({ id, status }) => id === run && status === 'passed'), 60_000)

test('polling: a first look starts nothing, then each push is found once, also after everything was killed', async () => {
  const set = installation.cli('project', 'set', 'web', '--poll', '30s', '--json')
  assert.equal(set.code, 0, set.stderr)
  const lastLook = () => {
    const { stdout } = installation.cli('project', 'list', '--json')
    return (JSON.parse(stdout) as { items: Project[] }).items[0]?.polling?.last_at
  }
  await waitFor('the first look', lastLook, 40_000)
  assert.deepEqual([deliveries(), runs()], [[], []])
  await installation.kill()
  const commit = repository.push({ 'a.txt': 'a' }, 'While nobody looks')
  installation = await installation.restart()
  const delivery = await found(commit)
  assert.deepEqual([delivery.source, delivery.verdict, delivery.ref], ['poll', 'run', 'refs/heads/main'])
  await passed(delivery.run_id)
  assert.equal(runs().length, 1)
  installation.cli('project', 'set', 'web', '--poll', 'off')
  const { changes } = ask<RunChangedFiles>('runs', 'changes', String(delivery.run_id))
  assert.deepEqual(
    [changes?.of, changes?.base, changes?.files, changes?.more],
    ['push', delivery.old, [{ path: 'a.txt', change: 'added' }], false],
  )
})

test('what the newest run of a branch found declared types what starts another one, and refuses what is wrong', async () => {
  const first = ask<Run>('runs', 'start', '-b', 'main')
  await passed(first.id)
  const known = ask<DeclaredParameters>('runs', 'parameters', '-b', 'main')
  assert.deepEqual(known.parameters, [{ name: 'level', type: 'integer', default: 1 }])
  assert.equal(known.run?.id, first.id)
  assert.equal(ask<DeclaredParameters>('runs', 'parameters', '-b', 'elsewhere').run, null)
  const start = (...words: string[]) =>
    installation.cli('runs', 'start', '-R', 'web', '-b', 'main', '--json', ...words)
  const refused = start('-p', 'level=many')
  const words = 'the argument "level" of this pipeline must be an integer, but is a text: "many"'
  assert.equal(refused.code, 2)
  assert.ok(JSON.parse(refused.stderr).detail.includes(words), refused.stderr)
  assert.equal(runs()[0]?.id, first.id)
  // The plan says the same of what is sent all the same.
  const sent = JSON.parse(start('-p', 'level=many', '--no-check').stdout) as Run
  const failed = await waitFor(
    'its plan fails',
    () => runs().find(({ id, status }) => id === sent.id && status === 'failed'),
    60_000,
  )
  assert.ok(failed.headline?.includes(words), failed.headline ?? '')
  const run = JSON.parse(start('-p', 'level=3').stdout) as Run
  await passed(run.id)
  assert.match(installation.cli('logs', run.id).stdout, /level 3/)
})

test('a signed request of any tool starts a run; its delivery is replayed', async () => {
  const rotated = installation.cli('project', 'rotate-hook', 'web')
  assert.match(rotated.stdout, /^\S{20,}\n$/, rotated.stderr)
  const secret = rotated.stdout.trim()
  const commit = repository.push({ 'b.txt': 'b' }, 'Told by a tool')
  const before = 'b'.repeat(40)
  const pullRequest = { number: 7, url: 'https://code.example/acme/web/pull/7', title: '$(touch /tmp/no)' }
  const body = JSON.stringify({ ref: 'main', commit, before, pullRequest, sentAt: new Date().toISOString() })
  const mac = createHmac('sha256', secret).update(body).digest('hex')
  const path = new URL(project.hook.url).pathname
  const send = () =>
    fetch(`${installation.url}${path}`, {
      ...{ method: 'POST', body },
      headers: { 'content-type': 'application/json', 'x-mayfly-signature': `sha256=${mac}` },
    })
  assert.equal((await send()).status, 202)
  assert.equal((await send()).status, 200, 'a duplicate')
  const delivery = deliveries().find(({ verdict, source }) => verdict === 'run' && source === 'webhook')
  await passed(delivery?.run_id)
  const replayed = installation.cli('deliveries', 'replay', delivery?.id ?? '', '--json')
  assert.equal(replayed.code, 0, replayed.stderr)
  const again = JSON.parse(replayed.stdout) as Delivery
  assert.deepEqual([again.replay_of, again.new], [delivery?.id, commit])
  await passed(again.run_id)
  for (const run of [delivery?.run_id, again.run_id])
    assert.match(
      installation.cli('logs', String(run)).stdout,
      new RegExp(`pull_request since ${before} of \\[${pullRequest.url}\\]`),
    )
})

test('a schedule begins a run of the default branch by itself, with its parameters', async () => {
  ask<Schedule[]>('schedules', 'add', 'every minute', '--cron', '* * * * *', '-p', 'level:=7')
  const begun = await waitFor(
    'it is due',
    () => runs().find(({ event }) => event.kind === 'schedule'),
    80_000,
  )
  installation.cli('schedules', 'remove', 'every minute', '-R', 'web')
  await passed(begun.id)
  const { stdout } = installation.cli('logs', begun.id)
  assert.match(stdout, /level 7 every minute/)
})

test('a project behind SSH is set up by the command line alone: the key to register, the host key, a run', async () => {
  await host.createRepository('far', { '.circleci/config.yml': config })
  const cli = (...words: string[]) => {
    const { code, stdout, stderr } = installation.cli(...words)
    assert.equal(code, 0, stderr)
    return stdout
  }
  const nowhere = installation.cli('project', 'trust', 'far', host.fingerprint)
  assert.equal(nowhere.code, 5, 'there is no such project yet')
  cli('project', 'add', 'far', '--ssh', host.sshUrl('far'))
  const added: Project = JSON.parse(cli('project', 'view', 'far', '--json'))
  await host.authorize(added.deploy_key?.public_key ?? assert.fail('no deploy key'))
  const seen = cli('project', 'contact', 'far')
  assert.ok(seen.includes(`host key  ${host.fingerprint}  not confirmed`), seen)
  const wrong = installation.cli('project', 'trust', 'far', 'SHA256:of-somebody-else')
  assert.equal(wrong.code, 5)
  assert.match(wrong.stderr, /has not shown this key/)
  assert.match(cli('project', 'trust', 'far', host.fingerprint), / {2}confirmed$/m)
  const run: RunSummary = JSON.parse(cli('runs', 'start', '-R', 'far', '--json'))
  await waitFor(
    'the run passes',
    () => JSON.parse(cli('runs', 'view', run.id, '-R', 'far', '--json')).status === 'passed',
    60_000,
  )
  const changed = JSON.parse(cli('runs', 'changes', run.id, '--json')) as RunChangedFiles
  assert.equal(changed.changes, null, 'only the commit is fetched')
  assert.match(cli('project', 'view', 'far'), /^last run {2}#1 passed$/m)
  assert.match(cli('runner', 'list'), /\tonline\t/)
})
