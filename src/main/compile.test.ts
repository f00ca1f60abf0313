import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compileReadyLine, compileRequestBytesMax, parseCompileAnswer } from '../protocol/compile.ts'
import { run, spawn } from '../sys/index.ts'

const program = fileURLToPath(new URL('compile.ts', import.meta.url))
const deadlineMs = 20_000

const event = { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null }
const config = (text: string) => ({ '.circleci/config.yml': text })
const request = (text: string) => JSON.stringify({ v: 1, files: config(text), event, parameters: {} })

const ask = async (input: string) => {
  const { code, stdout, stderr } = await run(process.execPath, [program], { input, timeoutMs: deadlineMs })
  const output = stdout.toString('utf8')
  assert.ok(output.startsWith(compileReadyLine))
  return { code, errors: stderr.toString('utf8'), answer: output.slice(compileReadyLine.length) }
}

test('the program says that it is ready before anything is asked, and ends when nothing is', async () => {
  const child = spawn(process.execPath, [program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    signal: AbortSignal.timeout(deadlineMs),
  })
  const closed = once(child, 'close')
  assert.equal(String(await once(child.stdout!, 'data')), compileReadyLine)
  child.stdin!.end()
  assert.deepEqual(await closed, [2, null])
})

test('a configuration is answered with its plan and origins', async () => {
  const text = 'version: 2.1\njobs: {build: {docker: [{image: a}], steps: [{run: make}]}}\n'
  const { code, answer } = await ask(request(text))
  assert.equal(code, 0)
  const parsed = parseCompileAnswer(JSON.parse(answer))
  assert.ok(parsed.ok && parsed.value.ok, answer)
  assert.equal(parsed.value.plan.workflows[0]?.jobs[0]?.spec?.steps[0]?.name, 'make')
  assert.deepEqual(parsed.value.origins['/workflows/0/jobs/0/spec/steps/0'], {
    file: '.circleci/config.yml',
    line: 2,
    column: 47,
    via: [],
  })
})

test('what is wrong with a configuration is an answer, not a failure', async () => {
  const { code, answer } = await ask(request('version: 2.1\njobs: [\n'))
  assert.equal(code, 0)
  const parsed = parseCompileAnswer(JSON.parse(answer))
  assert.ok(parsed.ok && !parsed.value.ok)
  assert.equal(parsed.value.problems[0]?.code, 'MF2001')
})

test('a malformed request and one that is too large are refused without an answer', async () => {
  for (const input of [
    '',
    '{}',
    request('a: 1').replace('"push"', '"pull"'),
    ' '.repeat(compileRequestBytesMax + 1),
  ]) {
    const { code, answer, errors } = await ask(input)
    assert.equal(code, 2)
    assert.equal(answer, '')
    assert.match(errors, /^compile: the request is /)
  }
})
