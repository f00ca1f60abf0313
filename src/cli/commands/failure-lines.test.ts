import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { isRed } from '../../protocol/plan.ts'

const base = world.runById(world.idOf('run', 412)) as Run
const [red = assert.fail()] = base.jobs.filter(({ status }) => isRed(status))
let run: Run = base
const text = '\u001b]0;owned\u0007AssertionError: 1 is not 2'
let status = 200
const asked: string[] = []
const command = commandsAnsweredBy((request, response) => {
  const url = request.url ?? ''
  if (!url.endsWith('/log/failure')) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(run))
    return
  }
  asked.push(url)
  const untrusted = { step: { index: 3, name: 'npm test' }, line: 61, text, why: 'words' }
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify(status === 200 ? { attempt_id: 'att_1', untrusted } : { code: 'MF4030' }))
})
const view = () => command(['runs', 'view', base.id])

test('a failed job is shown with the line that tells why, made harmless', async () => {
  const { code, stdout } = await view()
  assert.equal(code, 0)
  assert.match(stdout, /: npm test, line 61: .*AssertionError: 1 is not 2\n/)
  assert.match(stdout, /^more: mayfly logs --failed 412$/m)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there.
  assert.doesNotMatch(stdout, /\u001b\]|\u0007/)
})

test('of many only the first three logs are opened', async () => {
  run = { ...base, jobs: Array.from({ length: 40 }, () => red) }
  asked.length = 0
  await view()
  assert.equal(asked.length, 3)
  run = base
})

test('whoever may not read logs sees the run all the same; of one that did not fail nothing is asked', async () => {
  status = 403
  const { code, stdout } = await view()
  assert.deepEqual([code, /line 61/.test(stdout)], [0, false])
  assert.match(stdout, /^more: mayfly logs --failed 412$/m)
  asked.length = 0
  run = { ...base, jobs: base.jobs.filter((job) => !isRed(job.status)) }
  assert.doesNotMatch((await view()).stdout, /more: mayfly logs/)
  assert.deepEqual(asked, [])
})
