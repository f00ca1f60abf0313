// A text is judged as an orb by the compile program, in a process of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isFault } from '../../base/faults.ts'
import { createAskCompiler } from '../compile-process.ts'
import { createCheckOrb } from './check.ts'

const check = createCheckOrb(
  createAskCompiler({
    node: process.execPath,
    file: fileURLToPath(new URL('../../main/compile.ts', import.meta.url)),
    directory: fileURLToPath(new URL('../../..', import.meta.url)),
  }),
)
const id = 'acme/tools@1.2.3'
const refuses = (text: string, words: RegExp) =>
  assert.rejects(check(id, text), (error) => {
    assert.ok(isFault(error, 'E_INPUT'), String(error))
    assert.match(error.public, words)
    return true
  })

test('what can be used is taken; what cannot is refused with its place, its line and a caret', async () => {
  await check(id, 'commands: {greet: {steps: [{run: echo hello}]}}\n')
  await refuses(
    'commands:\n  greet:\n    steps:\n      - chekout\n',
    /^the orb is refused\nacme\/tools@1\.2\.3:4:9: error\[MF2105\]: .*\n(.*\n)*.*\| {9}\^{7}\n/,
  )
  const many = Array.from({ length: 7 }, (_, i) => `  c${i}: {steps: [nothing]}\n`).join('')
  await refuses(`commands:\n${many}`, /and 4 more$/)
})

test('text that explodes when it is read is refused, with a reason', async () => {
  const levels = Array.from(
    { length: 30 },
    (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join()}]\n`,
  )
  await refuses(`a0: &a0 [x]\n${levels.join('')}commands: {a: {steps: *a30}}\n`, /the orb is refused\n./)
})
