// Which part of which log `mayfly logs` asks for, and what it makes of the answer. The server here answers from the double
// of the browser's tests and writes down what it was asked.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import { waitFor } from '../../../test/support/installation.ts'
import { logFrames } from '../../../test/support/log-frames.ts'
import * as world from '../../../test/web/double/world.ts'

const asked: string[] = []
/** Answers that have not been given: a log that goes on. */
let holding: ServerResponse[] | null = null
const output = ['compiling\n', '\u001b[31mError\u001b[0m: no\n', '\u001b]0;evil title\u0007end']
const run = commandsAnsweredBy((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const id = url.pathname.split('/')[4] ?? ''
  const isLog = url.pathname.endsWith('/log')
  if (isLog) asked.push(`${id.slice(-4)} ${url.searchParams}`)
  if (isLog && holding !== null) return void holding.push(response)
  if (isLog && url.searchParams.get('format') !== 'ndjson') return void response.end(output.join(''))
  if (isLog)
    return void response.end(
      output
        .map(
          (text, i) => `${JSON.stringify({ step: 3, line: i + 1, t: i * 61_500, text: text.trimEnd() })}\n`,
        )
        .join(''),
    )
  const found = answer(url, id)
  response.writeHead(found === null ? 404 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(found ?? { title: 'Not found', code: 'MF4004' }))
})

const chunk = (step: number, first_line: number, lines: number) => ({
  ...{ step, first_line, lines, seq_from: 1, seq_to: 1, t_ms: 0, bytes: 1 },
})
const answer = (url: URL, id: string): unknown => {
  if (url.pathname.endsWith('/log/search')) {
    asked.push(`${url.searchParams}`)
    const line = { step: { index: 3, name: 'test' }, line: 7, text: 'an Error\u001b]0;evil', from: 3, to: 8 }
    const attempt = (number: number, count: number) => ({
      ...{
        attempt: { id: 'att_1', number, status: 'failed' },
        count,
        whole: true,
        expired: false,
        lines: [line],
      },
    })
    const removed = { ...attempt(0, 0), expired: true, lines: [] }
    return { job_id: id, attempts: [attempt(2, 1), attempt(1, 3), removed], stopped: 'time' }
  }
  if (url.pathname.endsWith('/log/index'))
    return {
      ...{ complete: true, last_seq: 1, first_failure: null },
      chunks: [chunk(3, 1, 700), chunk(3, 701, 300), chunk(4, 1, 5)],
    }
  if (url.pathname === '/api/v1/runs')
    return {
      items: world.summaries().filter((run) => run.number === Number(url.searchParams.get('number'))),
      next_cursor: null,
    }
  return url.pathname.includes('/attempts/') ? world.attemptById(id) : world.runById(id)
}

const logs = async (words: readonly string[], isTerminal = false) => {
  asked.length = 0
  const result = await run(['logs', ...words, '-R', 'web'], { isTerminal })
  return { ...result, asked: [...asked] }
}
/** The last attempt of the shard of run 412 that failed. */
const failed = world.runById(world.idOf('run', 412))!.jobs[5]!.attempts.at(-1)!.id.slice(-4)

test('a job by its ref, as it was written', async () => {
  const { code, stdout, asked } = await logs(['412/unit.1'])
  assert.deepEqual([code, asked], [0, [`${failed} format=ansi&follow=0`]])
  assert.equal(stdout, `${output.join('')}\n`)
})

test('--failed: of jobs that failed the steps that did, and nothing of the others', async () => {
  const { stdout, asked } = await logs(['412', '--failed'])
  assert.deepEqual(asked, [`${failed} step=3&format=ansi&follow=0`])
  assert.match(stdout, /Error/)
})

test('a step by name or number, lines of it, and its end', async () => {
  assert.deepEqual((await logs(['412/unit.1', '--step', 'npm ci'])).asked, [
    `${failed} step=2&format=ansi&follow=0`,
  ])
  assert.deepEqual((await logs(['412/unit.1', '--step', '4', '--lines', '2-3'])).asked, [
    `${failed} step=4&from=2&to=3&format=ansi&follow=0`,
  ])
  assert.deepEqual((await logs(['412/unit.1', '--lines', '7'])).asked, [
    `${failed} step=3&from=7&to=7&format=ansi&follow=0`,
  ])
  assert.deepEqual((await logs(['412/unit.1', '--tail', '20'])).asked, [
    `${failed} step=3&from=981&format=ansi&follow=0`,
  ])
  assert.equal((await logs(['412/unit.1', '--step', 'none'])).code, 5)
  assert.equal((await logs(['412/unit.1', '--lines', 'x'])).code, 2)
})

test('--grep and --timestamps: lines as people read them', async () => {
  const { stdout } = await logs(['412/unit.1', '--grep', '^Error:', '--timestamps'])
  assert.equal(stdout, '00:01:01.500 \u001b[31mError\u001b[0m: no\n')
  assert.equal((await logs(['412/unit.1', '--grep', '('])).code, 2)
})

test('--format: of one job, and not with what writes lines of its own', async () => {
  assert.deepEqual((await logs(['412/unit.1', '--format', 'html'])).asked, [`${failed} format=html&follow=0`])
  assert.deepEqual((await logs(['412/unit.1', '--format', 'text'])).asked, [`${failed} format=text&follow=0`])
  for (const wrong of [
    ['--format', 'pdf'],
    ['--format', 'text', '--grep', 'x'],
  ])
    assert.equal((await logs(['412/unit.1', ...wrong])).code, 2)
  assert.equal((await logs(['412', '--format', 'html'])).code, 2)
})

test('-f: several jobs are followed side by side, whichever ends first', async () => {
  holding = []
  const following = logs(['413', '-f'])
  const count = world.runById(world.idOf('run', 413))!.jobs.filter((job) => job.attempts.length > 0).length
  assert.ok(count > 1)
  await waitFor('every log to be asked for', () => holding?.length === count, 10_000)
  const last = holding.pop()
  last?.end(logFrames([{ text: 'from the last\n' }]))
  for (const response of holding) response.end(logFrames([{ text: 'from another\n' }]))
  holding = null
  const { code, stdout } = await following
  assert.equal(code, 0)
  assert.equal(
    stdout.split('\n').filter((line) => /^\[.+\] from (the last|another)$/.test(line)).length,
    count,
  )
})

const nextHeld = async (): Promise<ServerResponse> => {
  await waitFor('the log to be asked for', () => holding?.length === 1, 10_000)
  return holding?.pop() ?? assert.fail()
}
const breakOff = (response: ServerResponse, text: string | Buffer) =>
  response.write(text, () => setTimeout(() => response.destroy(), 50))

test('-f: an answer that a proxy gives up ends no log, and nothing is written twice', async () => {
  holding = []
  const following = logs(['412/unit.1', '-f'])
  ;(await nextHeld()).writeHead(504, { 'content-type': 'text/html' }).end('<h1>Gateway Time-out</h1>')
  const [one, other] = [{ text: 'one\ntw' }, { text: 'other\n', step: 4 }]
  const begun = logFrames([one, other])
  breakOff(await nextHeld(), Buffer.concat([begun, begun.subarray(0, 20)]))
  // What is over may have its steps in another order, and each in larger pieces.
  const rest = { text: 'other\nend\n', step: 4 }
  const again = await nextHeld()
  again.end(logFrames([rest, { text: 'one\ntwo\nthree\n' }]))
  holding = null
  const { code, stdout, stderr } = await following
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(stdout, 'one\ntwother\nend\no\nthree\n')
})

test('-f with a filter goes on, too; who may not read it any more hears that', async () => {
  holding = []
  const following = logs(['412/unit.1', '-f', '--timestamps'])
  const line = (number: number, text: string) => `${JSON.stringify({ step: 3, line: number, t: 0, text })}\n`
  breakOff(await nextHeld(), `${line(1, 'one')}${line(2, 'two').slice(0, 9)}`)
  breakOff(await nextHeld(), `${line(1, 'one')}${line(2, 'two')}`)
  ;(await nextHeld()).writeHead(401, { 'content-type': 'application/json' }).end('{"code":"MF4001"}')
  holding = null
  const { code, stdout } = await following
  assert.deepEqual([code, stdout], [3, '00:00:00.000 one\n00:00:00.000 two\n'])
})

test('--all-attempts: lines of each, by job, attempt, step and line, and what was not looked at', async () => {
  const { stdout, stderr, asked } = await logs(['412/unit.1', '--grep', 'Err.r', '--all-attempts'], true)
  assert.deepEqual(asked, ['q=Err.r&regex=1&case=1&attempts=all'])
  assert.match(stdout, /^unit\.1#2:3:7: an Error.*\nunit\.1#1:3:7: an Error.*\n$/)
  assert.ok(!stdout.includes('\u001b'))
  assert.match(stderr, /^unit\.1: attempt 0: its log was removed, its time was over\n/)
  assert.match(stderr, /attempt 1: 2 more lines match\n.*ended early: its time was over/)
  const json = await logs(['412/unit.1', '--grep', 'x', '--all-attempts', '--json'])
  assert.equal(JSON.parse(json.stdout).items[0].stopped, 'time')
  assert.equal((await logs(['412/unit.1', '--all-attempts'])).code, 2)
})

test('a terminal gets colours and nothing else that would move it, unless it wants the log raw', async () => {
  const shown = (await logs(['412/unit.1'], true)).stdout
  assert.deepEqual([shown.includes('\u001b]'), shown.includes('\u001b[31m')], [false, true])
  assert.ok((await logs(['412/unit.1', '--raw'], true)).stdout.includes('\u001b]0;evil'))
})

test('--since: lines of the last so long, by when the attempt began; of what it does not fit it is refused', async () => {
  const began = Date.parse(world.runById(world.idOf('run', 412))!.jobs[5]!.attempts.at(-1)!.started_at ?? '')
  const clock = { now: () => began + 100_000, monotonicMs: () => 0 }
  const since = async (...words: string[]) =>
    run(['logs', '412/unit.1', '-R', 'web', '--since', ...words], { clock })
  assert.equal((await since('60s', '--grep', '.')).stdout.split('\n').length, 3)
  assert.doesNotMatch((await since('60s')).stdout, /compiling/)
  assert.match((await since('60s')).stdout, /Error/)
  assert.match((await since('2m')).stdout, /^compiling\n/)
  for (const words of [
    ['soon'],
    ['1m', '--condensed'],
    ['1m', '--grep', 'x', '--all-attempts'],
    ['1m', '--format', 'html'],
  ])
    assert.equal((await since(...words)).code, 2, words.join(' '))
})
