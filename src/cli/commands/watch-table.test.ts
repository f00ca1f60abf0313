// The live table, on a terminal that does what its sequences say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'
import type { Job, Run, Status } from '../../protocol/api/shapes.ts'
import { tableLines } from './watch-table.ts'

const base = world.runById(world.idOf('run', 413)) as Run
const runWith = (status: Status, jobs: readonly Job[]): Run => ({ ...base, status, jobs: [...jobs] })
const job = (i: number, changes: Partial<Job> = {}): Job => ({ ...(base.jobs[i] as Job), ...changes })

let says: Run[] = []
const command = commandsAnsweredBy((_request, response) => {
  const [run] = says.length > 1 ? [says.shift()] : says
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(run))
})
const watch = (options: object = {}, ...words: string[]) =>
  command(['watch', base.id, ...words], { isTerminal: true, rows: 24, ...options })

/** What stands on the screen in the end. It knows the sequences of the table and no other. */
const screenOf = (written: string): readonly string[] => {
  let [lines, at]: [string[], number] = [[''], 0]
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal begin with one.
  for (const [piece] of written.matchAll(/\u001b\[(\d+A|0J|\?7[lh])|\r|\n|\u001b|[^\u001b\r\n]+/g)) {
    const up = /\[(\d+)A/.exec(piece)
    if (up !== null) at -= Number(up[1])
    else if (piece.endsWith('[0J')) lines = [...lines.slice(0, at), '']
    else if (piece === '\n') at += 1
    else if (piece !== '\r' && !piece.startsWith('\u001b[?7')) lines[at] = (lines[at] ?? '') + piece
  }
  return lines.filter((line) => line !== '')
}

test('on a terminal it is one table that changes in its place, and stays when the run ends', async () => {
  const [install, lint] = [job(1), job(2)]
  says = [
    runWith('running', [
      { ...install, status: 'running' },
      { ...lint, status: 'waiting', attempts: [] },
    ]),
    runWith('running', [install, { ...lint, status: 'running' }]),
    runWith('passed', [install, lint]),
  ]
  const { code, stdout } = await watch({}, '--color', 'never')
  assert.equal(code, 0)
  assert.deepEqual(screenOf(stdout), [
    `✓ passed  ${base.project.name} #${base.number}  ${screenOf(stdout)[0]?.split('  ').at(-1)}`,
    '  ✓ passed     install  31.0 s',
    '  ✓ passed     lint     12.0 s',
  ])
  assert.ok(stdout.includes('● running    lint'), 'it was drawn while it ran')
  // Both were written, each into the place of the one before.
  assert.equal(stdout.split('\u001b[0J').length, 4)
})

test('where nothing can be drawn anew there is a line for each change, as into a pipe', async () => {
  const plain = async (options: object, ...words: string[]) => {
    says = [runWith('running', [{ ...job(1), status: 'running' }]), runWith('passed', [job(1)])]
    return (await watch(options, '--color', 'never', ...words)).stdout
  }
  const lines = /^● running {2}install\n✓ passed {2}install {2}31\.0 s\n✓ passed {2}\S+ #413 {2}.*\n$/
  assert.match(await plain({ isTerminal: false }), lines)
  assert.match(await plain({ rows: undefined }), lines)
  assert.match(await plain({ environment: {} }, '--no-input'), lines)
})

test('what does not fit says how much it is; what failed and runs stays, and at the end all is there', () => {
  const statuses: readonly Status[] = ['passed', 'failed', 'waiting', 'passed', 'running', 'queued', 'passed']
  const jobs = statuses.map((status, i) => job(1, { status, name: `job-${i}`, shards: 1 }))
  const lines = (room: number) =>
    tableLines((_colour, text) => text, runWith('running', jobs), { room, nowMs: Date.now() })
  const names = (room: number) =>
    lines(room)
      .slice(1)
      .map((line) => /job-\d|… \d more/.exec(line)?.[0])
  assert.deepEqual(names(3), ['job-1', 'job-4', 'job-5', '… 4 more'])
  assert.deepEqual(names(4), ['job-1', 'job-2', 'job-4', 'job-5', '… 3 more'])
  assert.equal(lines(7).length, 8)
  assert.equal(lines(Number.POSITIVE_INFINITY).length, 8)
})

test('a name or reason of somebody else moves no cursor and makes no line of its own', () => {
  const text = 'x\u001b[2A\u001b[0J\r\nfake\u202e'
  const hostile = job(1, { name: text, reason: { code: 'needs', text, job_id: null } })
  const lines = tableLines((_colour, word) => word, runWith('running', [hostile]), { room: 9, nowMs: 0 })
  assert.equal(lines.length, 2)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  assert.doesNotMatch(lines.join(''), /[\u0000-\u001f\u202e]/)
})

test('a run that goes on is counted in whole seconds, also by a clock that is behind', () => {
  const began = Date.parse('2026-01-01T12:00:00Z')
  const at = new Date(began).toISOString()
  const running: Run = { ...runWith('running', []), duration_ms: null, rerun: null, started_at: at }
  const head = (nowMs: number) => tableLines((_c, text) => text, running, { room: 9, nowMs })[0]
  assert.match(head(began + 12_900) ?? '', / 12 s$/)
  assert.match(head(began - 60_000) ?? '', / 1 s$/)
  assert.match(
    tableLines((_c, text) => text, { ...running, started_at: null }, { room: 9, nowMs: began })[0] ?? '',
    /#413$/,
  )
  const again: Run = {
    ...running,
    rerun: { at: new Date(began + 5_000).toISOString(), by: { kind: 'system', name: 'x' } as never },
  }
  assert.match(tableLines((_c, text) => text, again, { room: 9, nowMs: began + 12_900 })[0] ?? '', / 7 s$/)
})

test('a job that is to run again does not show what it took before', () => {
  const waits = job(1, { status: 'queued' })
  const [, line] = tableLines((_c, text) => text, runWith('running', [waits]), { room: 9, nowMs: 0 })
  assert.doesNotMatch(line ?? '', /31\.0 s/)
})
