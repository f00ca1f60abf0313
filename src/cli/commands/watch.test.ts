// What `mayfly watch` waits for, what it prints, and with which code it leaves. The server here answers from the double of the
// browser's tests, with the changes of each test.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import { logFrames } from '../../../test/support/log-frames.ts'
import * as world from '../../../test/web/double/world.ts'
import type { Job, Run, Status } from '../../protocol/api/shapes.ts'

const id = world.idOf('run', 413)
const base = world.runById(id) as Run
/** The running run, with other statuses of some jobs. */
const runWith = (status: Status, jobs: Readonly<Record<string, Status>>): Run => ({
  ...base,
  status,
  jobs: base.jobs.map((job): Job => ({ ...job, status: jobs[job.key] ?? job.status })),
})

/** What the server says, one after the other; the last one stays. */
const says = {
  runs: [] as boolean[],
  run: [] as Run[],
  deliveries: [] as unknown[],
  /** Instead of an answer about the run. */
  broken: [] as ((response: ServerResponse) => void)[],
}
const asked: string[] = []
/** Attempts whose log does not end. */
const endless = new Set<string>()
/** Attempts whose log breaks off, once. */
const cut = new Set<string>()
beforeEach(() => {
  Object.assign(says, { runs: [true], run: [base], deliveries: [], broken: [] })
  asked.length = 0
  endless.clear()
  cut.clear()
})
const next = <T>(list: T[]): T | undefined => (list.length > 1 ? list.shift() : list[0])

const answer = (path: string): unknown => {
  const page = (items: readonly unknown[]) => ({ items, next_cursor: null })
  if (path === '/runs') return page(next(says.runs) === true ? [world.summaries()[0]] : [])
  if (path === '/deliveries') return page(says.deliveries)
  if (path === '/projects') return page(world.projects)
  return next(says.run)
}
const command = commandsAnsweredBy((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const path = url.pathname.replace('/api/v1', '')
  asked.push(`${path}${url.search}`)
  if (path === `/runs/${base.id}` && says.broken.length > 0) {
    says.broken.shift()?.(response)
    return
  }
  const attempt = /^\/attempts\/(\w+)\/log$/.exec(path)?.[1]
  if (attempt === undefined) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(request.method === 'POST' ? base : answer(path)))
    return
  }
  response.writeHead(200, { 'content-type': 'text/plain' })
  const [hello, more] = [{ text: `hello of ${attempt}\n` }, { text: 'and more\n', firstLine: 2 }]
  response.write(logFrames([hello]))
  if (cut.delete(attempt)) return void setTimeout(() => response.destroy(), 50)
  response.write(logFrames([more]))
  if (!endless.has(attempt)) response.end()
})

const attemptOf = (key: string): string =>
  base.jobs.find((job) => job.key === key)?.attempts.at(-1)?.id ?? assert.fail(key)

test('--sha waits for the run of that commit and follows it', async () => {
  Object.assign(says, { runs: [false, false, true], run: [base, runWith('passed', {})] })
  const { code, stdout } = await command(['watch', '--sha', 'c0ffee12', '-R', 'web'])
  assert.equal(code, 0)
  assert.match(stdout, /passed {2}web #413/)
  const looks = asked.filter((line) => line.startsWith('/runs?'))
  assert.deepEqual(looks, Array(3).fill('/runs?project=web&commit=c0ffee12&limit=1'))
})

test('what was begun on a branch that was named is followed', async () => {
  for (const words of [['runs', 'start'], ['rerun']]) {
    says.run = [base, runWith('passed', {})]
    const { code, stdout, stderr } = await command([...words, '-R', 'web', '--branch', 'main', '--watch'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /passed {2}web #413/)
  }
})

test('--sha is read as Git reads it', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-watch-'))
  t.after(() => rm(root, { recursive: true }))
  const git = (...words: string[]) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
  git('init', '--quiet')
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
  git(...who, 'commit', '--quiet', '--allow-empty', '--message', 'one')
  says.run = [runWith('passed', {})]
  assert.equal((await command(['watch', '--sha', 'HEAD', '-R', 'web'], { cwd: root })).code, 0)
  assert.equal(asked[0], `/runs?project=web&commit=${git('rev-parse', 'HEAD')}&limit=1`)
  const unknown = await command(['watch', '--sha', 'nowhere', '-R', 'web'], { cwd: root })
  assert.deepEqual([unknown.code, asked.length], [2, 2])
  assert.match(unknown.stderr, /"nowhere" is no commit here/)
})

test('after two minutes without a run, --sha says what became of the push', async () => {
  const minutes = () => {
    let now = 0
    return { now: () => 0, monotonicMs: () => (now += 50_000) }
  }
  says.runs = [false]
  const none = await command(['watch', '--sha', 'c0ffee12', '-R', 'web'], { clock: minutes() })
  assert.equal(none.code, 5)
  assert.match(none.stderr, /no run of c0ffee12 has appeared, and nobody told of such a push/)
  assert.equal(asked.at(-1), '/deliveries?project=web&commit=c0ffee12&limit=1')
  const [told] = world.deliveries
  says.deliveries = [{ ...told, verdict: 'no_run', reason: 'the message says [skip ci]', run: null }]
  const skipped = await command(['watch', '--sha', 'c0ffee12', '-R', 'web'], { clock: minutes() })
  assert.match(skipped.stderr, /has appeared: the message says \[skip ci\]; .*view dlv_/)
})

test('--timeout also ends the waiting for a run, and a run or --sha is given, not both', async () => {
  says.runs = [false]
  const late = await command(['watch', '--sha', 'c0ffee12', '-R', 'web', '--timeout', '1s'])
  assert.equal(late.code, 8)
  assert.match(late.stderr, /^mayfly: no run of c0ffee12 has appeared, and nobody told/)
  asked.length = 0
  const both = await command(['watch', '413', '--sha', 'c0ffee12', '-R', 'web'])
  assert.deepEqual([both.code, asked], [2, []])
  assert.match(both.stderr, /a run or --sha, not both/)
})

test('of one job: its log without a prefix, and its verdict, while the run goes on', async () => {
  says.run = [runWith('running', { types: 'failed' })]
  const { code, stdout } = await command(['watch', '413/types', '-R', 'web'])
  assert.equal(code, 1)
  assert.match(stdout, new RegExp(`^hello of ${attemptOf('types')}$`, 'm'))
  assert.doesNotMatch(stdout, /lint|install/)
  assert.equal((await command(['watch', '413', '-j', 'lint', '-R', 'web'])).code, 0)
  const json = await command(['watch', '413', '-j', 'lint', '-R', 'web', '--json'])
  assert.deepEqual(
    JSON.parse(json.stdout),
    says.run[0]?.jobs.find(({ key }) => key === 'lint'),
  )
})

test('a job that is named before the plan is there is waited for; one that is not in it is said', async () => {
  const unplanned = { ...runWith('queued', {}), workflows: [], jobs: [] }
  says.run = [unplanned, unplanned, base]
  assert.equal((await command(['watch', '413/lint', '-R', 'web'])).code, 0)
  const unknown = await command(['watch', '413/nowhere', '-R', 'web'])
  assert.equal(unknown.code, 5)
  assert.match(unknown.stderr, /#\d+ has no job nowhere/)
})

test('of attempts that were over before, only the log of the newest is printed; each that begins later is', async () => {
  const of = (count: number, status: Status): Run => {
    const [first] = base.jobs.filter(({ key }) => key === 'types')
    const attempts = [1, 2, 3]
      .slice(0, count)
      .map((n) => ({ ...first!.attempts[0]!, id: `att_${n}`, number: n }))
    return { ...base, status, jobs: [{ ...first!, status, attempts }] }
  }
  says.run = [of(2, 'running'), of(3, 'running'), of(3, 'passed')]
  const { stdout } = await command(['watch', '413', '-R', 'web', '--logs'])
  assert.deepEqual(stdout.match(/att_\d/g), ['att_2', 'att_3'])
})

test('--fail-fast ends at the first job that fails: its log whole, those that go on cut off', async () => {
  says.run = [runWith('running', { types: 'failed', lint: 'running' })]
  endless.add(attemptOf('lint'))
  const { code, stdout } = await command(['watch', '413', '-R', 'web', '--fail-fast', '--logs'])
  assert.equal(code, 1)
  assert.match(stdout, new RegExp(`^\\[types\\] hello of ${attemptOf('types')}$`, 'm'))
})

test('without --fail-fast a job that failed does not end it; --timeout does, and no log holds it up', async () => {
  says.run = [runWith('running', { types: 'failed', lint: 'running' })]
  endless.add(attemptOf('lint'))
  const { code } = await command(['watch', '413', '-R', 'web', '--logs', '--timeout', '1s'])
  assert.equal(code, 8)
  assert.ok(asked.filter((line) => line === `/runs/${base.id}`).length > 1)
})

test('a run that waits for a person ends it, also for the jobs behind', async () => {
  says.run = [runWith('on_hold', { lint: 'waiting' })]
  assert.equal((await command(['watch', '413', '-R', 'web'])).code, 9)
  assert.equal((await command(['watch', '413/lint', '-R', 'web'])).code, 9)
})

test('--logs writes lines and --json objects: not both', async () => {
  const { code, stderr } = await command(['watch', '413', '-R', 'web', '--logs', '--json'])
  assert.deepEqual([code, asked], [2, []])
  assert.match(JSON.parse(stderr).detail, /mayfly logs --format ndjson/)
})

test('a server that restarts under it ends no watch: the verdict is that of the run', async () => {
  says.run = [runWith('passed', {})]
  const first = runWith('running', { types: 'running' })
  says.broken = [
    (response) => response.end(JSON.stringify(first)),
    (response) => response.destroy(),
    (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    (response) => response.writeHead(429, { 'content-type': 'application/json' }).end('{"code":"MF4029"}'),
  ]
  cut.add(attemptOf('types'))
  const { code, stderr, stdout } = await command(['watch', '413', '-R', 'web', '--logs'])
  assert.deepEqual([code, says.broken.length], [0, 0], stderr)
  assert.match(stdout, /passed {2}web #413/)
  const ofTypes = stdout.split('\n').filter((line) => line.startsWith('[types] '))
  assert.deepEqual(ofTypes, [`[types] hello of ${attemptOf('types')}`, '[types] and more'])
  assert.equal(stderr, '')
})
