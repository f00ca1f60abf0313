// What the verbs that change a run ask of the server, and what they say afterwards. The server here answers from the
// double of the browser's tests and writes down what it was asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'

const asked: string[] = []
const command = commandsAnsweredBy(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (request.method !== 'GET')
    asked.push(`${request.method} ${url.pathname.replace('/api/v1', '')} ${Buffer.concat(chunks)}`)
  const found = answer(`${request.method} ${url.pathname}`, url)
  response.writeHead(found === null ? 404 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(found ?? { title: 'Not found', code: 'MF4004' }))
})

const answer = (line: string, url: URL): unknown => {
  const page = (items: readonly unknown[]) => ({ items, next_cursor: null })
  const id = url.pathname.split('/')[4] ?? ''
  if (line === 'GET /api/v1/runs')
    return page(world.summaries().filter((run) => run.number === Number(url.searchParams.get('number'))))
  if (line === 'GET /api/v1/projects') return page(world.projects)
  if (line.includes('/organisation'))
    return { id: world.idOf('org', 1), name: 'acme', settings: { jobs_max: 50 } }
  if (line.endsWith('/parameters')) return { ref: 'refs/heads/main', run: null, parameters: null }
  if (line.includes('/attempts/')) return world.attemptById(id)
  if (line.startsWith('PATCH /api/v1/projects/')) return world.projects[0]
  if (line === 'POST /api/v1/runs') return world.runById(world.idOf('run', 413))
  if (line.startsWith('GET /api/v1/runs/') || line.includes('/runs/')) return world.runById(id)
  return world.runById(world.idOf('run', line.includes('/jobs/') ? 406 : 412))
}

const mayfly = async (...words: string[]) => {
  asked.length = 0
  const result = await command(words)
  return { ...result, asked: [...asked] }
}
const run = (n: number) => world.idOf('run', n)
const job = (n: number, i: number) => world.idOf('job', n * 100 + i)

test('rerun: a run, what failed, one job', async () => {
  const all = await mayfly('rerun', '412', '-R', 'web')
  assert.deepEqual([all.code, all.asked], [0, [`POST /runs/${run(412)}/rerun {"jobs":"all"}`]])
  assert.match(all.stderr, /^#412 goes on/)
  const failed = await mayfly('runs', 'rerun', '412', '--failed', '-R', 'web')
  assert.deepEqual(failed.asked, [`POST /runs/${run(412)}/rerun {"jobs":"failed"}`])
  const one = await mayfly('rerun', '412/unit.1', '-R', 'web')
  assert.deepEqual(one.asked, [`POST /jobs/${job(412, 5)}/rerun {}`])
  const larger = await mayfly('rerun', '412/unit.1', '-R', 'web', '--class', 'large')
  assert.deepEqual(larger.asked, [`POST /jobs/${job(412, 5)}/rerun {"class":"large"}`])
  for (const words of [
    ['412/unit.1', '--class', 'acme/gpu'],
    ['412', '--class', 'large'],
  ]) {
    const refused = await mayfly('rerun', ...words, '-R', 'web')
    assert.deepEqual([refused.code === 0, refused.asked], [false, []])
    assert.match(refused.stderr, /--class is/)
  }
  assert.equal((await mayfly('rerun', '412/unit.1', '--failed', '-R', 'web')).code, 2)
  assert.equal((await mayfly('rerun', '412/nowhere', '-R', 'web')).code, 5)
})

test('approve and reject: the one that waits, or the one that is named', async () => {
  const yes = await mayfly('approve', '406', '-m', 'ship it', '-R', 'web')
  assert.deepEqual(yes.asked, [`POST /jobs/${job(406, 4)}/approve {"comment":"ship it"}`])
  assert.equal(yes.stderr, 'to production of #406 is approved by you and waits for others: on_hold\n')
  const no = await mayfly('decline', '406', '-j', 'production', '-R', 'web')
  assert.deepEqual(no.asked, [`POST /jobs/${job(406, 4)}/reject {}`])
  const nobody = await mayfly('approve', '412', '-R', 'web')
  assert.deepEqual([nobody.code !== 0, nobody.asked], [true, []])
})

test('cancel: a run, a workflow, a job', async () => {
  assert.deepEqual((await mayfly('runs', 'cancel', '413', '-R', 'web')).asked, [
    `POST /runs/${run(413)}/cancel {}`,
  ])
  assert.match((await mayfly('runs', 'cancel', '413', '-R', 'web')).stderr, /^#413 is being cancelled: /)
  assert.match((await mayfly('runs', 'cancel', '412', '-R', 'web')).stderr, /^#412 was over already: /)
  const workflow = await mayfly('runs', 'cancel', '412', '--workflow', 'nightly', '-R', 'web')
  assert.deepEqual(workflow.asked, [`POST /workflows/${world.idOf('wfl', 4121)}/cancel {}`])
  const one = await mayfly('runs', 'cancel', '413', '-j', 'lint', '-R', 'web')
  assert.deepEqual(one.asked, [`POST /jobs/${job(413, 2)}/cancel {}`])
})

test('start: with parameters, typed where somebody says so', async () => {
  const started = await mayfly(
    'runs',
    'start',
    '-R',
    'web',
    '-b',
    'main',
    '-p',
    'target=a',
    '--param',
    'copies:=3',
  )
  assert.deepEqual(started.asked, [
    'POST /runs {"project":"web","ref":"refs/heads/main","parameters":{"target":"a","copies":3}}',
  ])
})

test('pin: the line of a step, by words or by the address that a browser copies', async () => {
  const attempts = world.runById(run(412))?.jobs.find(({ id }) => id === job(412, 5))?.attempts ?? []
  const [first, newest] = [attempts.at(0)?.id, attempts.at(-1)?.id]
  assert.notEqual(first, newest)
  const pinned = `POST /attempts/${newest}/pin {"step":3,"line":67}`
  for (const words of [
    ['412/unit.1', '--step', 'npm test', '--line', '67', '-R', 'web'],
    ['412', '-j', 'unit.1', '--step', '3', '--line', '67', '-R', 'web'],
    ['412/unit.1', '--line', '67', '-R', 'web'],
    [`https://ci.example.org/acme/web/runs/412/jobs/unit.1?attempt=${attempts.length}#s3L67-L70`],
  ])
    assert.deepEqual((await mayfly('runs', 'pin', ...words)).asked, [pinned], words.join(' '))
  const said = await mayfly('runs', 'pin', '412/unit.1', '--line', '67', '-R', 'web')
  assert.equal(said.stderr, 'line 67 of step 3 (npm test) is pinned as the error of #412 unit.1\n')
  const older = await mayfly('runs', 'unpin', '412/unit.1', '--attempt', '1', '-R', 'web')
  assert.deepEqual(older.asked, [`DELETE /attempts/${first}/pin `])
  assert.equal(older.stderr, 'no line of #412 unit.1 is pinned\n')
  for (const [code, words] of [
    [2, ['412/unit.1']],
    [2, ['412/unit.1', '--line', '0']],
    [5, ['412/unit.1', '--line', '1', '--step', 'nowhere']],
    [5, ['412/unit.1', '--line', '1', '--attempt', '9']],
  ] as const) {
    const refused = await mayfly('runs', 'pin', ...words, '-R', 'web')
    assert.deepEqual([refused.code, refused.asked], [code, []], words.join(' '))
  }
})

test('view: how many files the run is about, as its page says', async () => {
  const shown = async (n: string) => (await mayfly('runs', 'view', n, '-R', 'web')).stdout
  assert.match(await shown('412'), /^more than 4 files changed$/m)
  assert.match(await shown('413'), /^1 file changed$/m)
  assert.doesNotMatch(await shown('410'), /changed$/m)
})

test('why: the reasons of what waits', async () => {
  const { stdout } = await mayfly('runs', 'why', '410', '-R', 'web')
  assert.match(stdout, /^install\t.*queued\tno_matching_runner\tNo runner offers class/)
  const nothing = await mayfly('runs', 'why', '412', '-R', 'web')
  assert.deepEqual([nothing.stdout, nothing.stderr], ['', 'nothing of #412 waits: it is failed\n'])
})

test('settings: what is named is changed, and nothing else', async () => {
  const set = await mayfly(
    'project',
    'set',
    'web',
    '--auto-cancel',
    'on',
    '--jobs',
    '5',
    '--priority',
    'high',
  )
  assert.deepEqual(set.asked, [
    'PATCH /projects/web/settings {"auto_cancel":true,"jobs_max":5,"priority":"high"}',
  ])
  assert.match(set.stdout, /^auto_cancel\ttrue$/m)
  assert.deepEqual((await mayfly('project', 'set', 'web', '--jobs', 'none')).asked, [
    'PATCH /projects/web/settings {"jobs_max":null}',
  ])
  assert.equal((await mayfly('project', 'set', 'web')).code, 2)
  assert.equal((await mayfly('project', 'set', 'web', '--jobs', '0')).code, 2)
  assert.deepEqual((await mayfly('org', '--jobs', '50')).asked, ['PATCH /organisation {"jobs_max":50}'])
  assert.deepEqual((await mayfly('org')).asked, [])
})
