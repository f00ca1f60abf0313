// What is found in the logs of a job, in all of its attempts, with a real thread that looks and a real vault that opens; and what
// bounds it: patterns that never end, logs that are too long, readers of another organisation.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { tellingOpenedKeys } from '../../../test/support/opened-keys.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import type { JobId } from '../../base/ids.ts'
import type { Query } from '../../protocol/terminal/search.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createLogs } from './logs.ts'
import { createSearcher } from './searcher.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const opens: string[] = []
const vault = tellingOpenedKeys(parts, ({ object }) => opens.push(object))
const logs = createLogs({ ...parts, vault })
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'seeker'))
after(() => runner.close())
const reader = { user: 'usr_reader', session: 'ses_reader', reason: 'test' }

/** A job of two attempts, whose first said one thing and whose second another. */
const jobOfTwo = async (...said: readonly [string[], string[]]) => {
  await parts.runs.startRun(parts.actor, { project })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  const attempts: Held[] = []
  for (const pieces of said) {
    const [held] = await runner.take()
    attempts.push(held!)
    await runner.frames(held!, 1, ...pieces)
    await runner.finish(held!, { outcome: 'failed', lastSeq: held!.log.seq })
    const row = await parts.runs.findAttempt(parts.scope, held!.attempt)
    if (attempts.length < said.length) await parts.runs.rerunJob(parts.actor, row!.job_id as JobId)
  }
  const row = await parts.runs.findAttempt(parts.scope, attempts[0]!.attempt)
  return { job: row!.job_id as JobId, attempts }
}
const find = (
  job: JobId,
  text: string,
  more: Partial<Query> & { attempts?: 'all'; except?: number } = {},
) => {
  const { attempts = 'newest' as const, except, ...query } = more
  const signal = new AbortController().signal
  const asked = { attempts, except, reader, signal }
  return logs.search(parts.scope, job, {
    ...asked,
    query: { text, isRegex: false, matchCase: false, ...query },
  })
}
const linesOf = ({ attempts }: Awaited<ReturnType<typeof find>>) =>
  attempts.map(({ number, count, isWhole, lines }) => [
    ...[number, count, isWhole],
    lines.map(({ step, line, text, from, to }) => `${step}:${line} ${text.slice(from, to)}`),
  ])

test('what is looked for is found in every attempt, the newest first, across the borders of frames', async () => {
  const { job } = await jobOfTwo(['fine\nthe nee', 'dle one\n'], ['needle two\n', 'none\nNeedle three\n'])
  assert.deepEqual(linesOf(await find(job, 'needle')), [[2, 2, true, ['1:1 needle', '1:3 Needle']]])
  assert.deepEqual(linesOf(await find(job, 'needle', { attempts: 'all' })), [
    [2, 2, true, ['1:1 needle', '1:3 Needle']],
    [1, 1, true, ['1:2 needle']],
  ])
  assert.deepEqual(linesOf(await find(job, 'needle', { attempts: 'all', except: 2 })), [
    [1, 1, true, ['1:2 needle']],
  ])
  assert.deepEqual(linesOf(await find(job, '^Needle', { isRegex: true, matchCase: true })), [
    [2, 1, true, ['1:3 Needle']],
  ])
})

test('a pattern that never ends is ended, what was found before is told, and the next search works', async () => {
  const { job } = await jobOfTwo(['x\n'], [`${'a'.repeat(40)}!\n`])
  const searcher = createSearcher(parts.logSearch)
  const texts = async function* () {
    yield { step: 1, firstLine: 1, text: Buffer.from('aab\n') }
    yield { step: 1, firstLine: 2, text: Buffer.from(`${'a'.repeat(40)}!\n`) }
  }
  const hostile: Query = { text: '^(a+)+b$', isRegex: true, matchCase: true }
  const gone = new AbortController()
  let looked = 0
  const found = await searcher(hostile, { signal: gone.signal }, (search) =>
    search(
      (async function* () {
        for await (const piece of texts()) {
          // The second piece is the one that never ends.
          if (++looked === 2) setTimeout(() => gone.abort(), 200)
          yield piece
        }
      })(),
    ),
  )
  assert.deepEqual([found.stopped, found.lines.map(({ line }) => line)], ['time', [1]])
  assert.deepEqual(linesOf(await find(job, '!')), [[2, 1, true, ['1:1 !']]])
})

/** What a search gets of a thread that does this with a piece of text. */
const searchedBy = async (deed: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-search-'))
  try {
    const program = join(directory, 'thread.mjs')
    await writeFile(
      program,
      `import { parentPort } from 'node:worker_threads'
       parentPort.on('message', ({ t }) => {
         if (t === 'query') return parentPort.postMessage({ t: 'query', isValid: true })
         ${deed}
       })`,
    )
    const query: Query = { text: 'x', isRegex: false, matchCase: false }
    const texts = async function* () {
      yield { step: 1, firstLine: 1, text: Buffer.from('x\n') }
    }
    return await createSearcher(program)(query, { signal: new AbortController().signal }, (search) =>
      search(texts()),
    )
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('a search that takes too much memory is ended, and says so', async () => {
  const found = await searchedBy(
    'for (const kept = []; ; ) kept.push(Array.from({ length: 1e5 }, (_, i) => ({ i })))',
  )
  assert.deepEqual(found, { count: 0, lines: [], stopped: 'memory' })
})

test('a thread that breaks or leaves while it looks is a fault, and not a search that met a bound', async () => {
  for (const deed of ["throw new Error('broken')", 'process.exit(0)'])
    await assert.rejects(searchedBy(deed), (error: unknown) => isFault(error, 'E_INTERNAL'))
})

test('a thread that does not start is a fault, and not a search that was too slow', async () => {
  const searcher = createSearcher('/nowhere/log-search.js')
  const query: Query = { text: 'x', isRegex: false, matchCase: false }
  const asked = searcher(query, { signal: new AbortController().signal }, async () => 'searched')
  await assert.rejects(asked, (error: unknown) => isFault(error, 'E_INTERNAL'))
})

test('what is no regular expression is refused as input', async () => {
  const { job } = await jobOfTwo(['x\n'], ['y\n'])
  await assert.rejects(find(job, '(', { isRegex: true }), (error: unknown) => isFault(error, 'E_INPUT'))
})

test('the vault opens every log that is looked at, and for another organisation there is no such job', async () => {
  const { job, attempts } = await jobOfTwo(['x\n'], ['y\n'])
  opens.length = 0
  await find(job, 'x', { attempts: 'all' })
  assert.deepEqual([...opens].sort(), attempts.map(({ attempt }) => attempt).sort())
  const elsewhere = scopeOfOrganisation('org_00000000000000000000000000' as never)
  const asked = { attempts: 'all' as const, reader, signal: new AbortController().signal }
  await assert.rejects(
    logs.search(elsewhere, job, { ...asked, query: { text: 'x', isRegex: false, matchCase: false } }),
    (error: unknown) => isFault(error, 'E_NOT_FOUND'),
  )
})
