import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createAskCompiler } from './compile-process.ts'
import { createLint } from './lint.ts'

const ask = createAskCompiler({
  node: process.execPath,
  file: fileURLToPath(new URL('../main/compile.ts', import.meta.url)),
  directory: fileURLToPath(new URL('../..', import.meta.url)),
})
const lint = createLint(ask)
const check = (config: string, more: { isReport?: boolean; orbs?: Record<string, string> } = {}) =>
  lint({ files: { '.circleci/config.yml': config }, orbs: {}, isReport: false, ...more })

test('a good configuration has no errors; a bad one says where', async () => {
  const good =
    'version: 2.1\njobs: {a: {docker: [{image: alpine}], steps: [{run: ls}]}}\nworkflows: {w: {jobs: [a]}}\n'
  assert.deepEqual((await check(good)).ok, true)
  const bad = await check(good.replace('[a]', '[b]'))
  assert.equal(bad.ok, false)
  assert.equal(bad.problems[0]?.at?.file, '.circleci/config.yml')
})

test('text that explodes when it is compiled ends, with a reason', async () => {
  const levels = Array.from(
    { length: 30 },
    (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join()}]`,
  )
  const answer = await check(`a0: &a0 [x]\n${levels.join('\n')}\nversion: 2.1\n`)
  assert.equal(answer.ok, false)
})

test('a report counts every construct, and knows the orbs of the installation', async () => {
  const config =
    'version: 2.1\norbs: {o: acme/tools@1.0.0}\njobs: {a: {docker: [{image: x}], steps: [o/hello]}}\nworkflows: {w: {jobs: [a]}}\n'
  const told = async (orbs: Record<string, string>) => {
    const { ok, constructs = [] } = await check(config, { isReport: true, orbs })
    return { ok, refused: constructs.filter(({ verdict }) => verdict === 'refused').map(({ at }) => at.line) }
  }
  assert.deepEqual(await told({}), { ok: false, refused: [2] })
  const orb = 'commands: {hello: {steps: [run: echo hello]}}'
  assert.deepEqual(await told({ 'acme/tools@1.0.0': orb }), { ok: true, refused: [] })
  assert.equal((await check(config)).constructs, undefined, 'only when it is asked for')
})
