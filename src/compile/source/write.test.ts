// What is written out anew means what was written: real files compile to the same plans from it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusNames, corpusText, pushOf } from '../../../test/support/damaged-configurations.ts'
import { compile, mergeConfigs } from '../index.ts'

const path = '.circleci/config.yml'
const meaning = (text: string): string => {
  const result = compile({ files: new Map([[path, text]]), event: pushOf('main'), parameters: {} })
  const errors = result.problems.filter(({ severity }) => severity === 'error')
  // Where something stands is another place.
  const said = errors.map(({ code, message }) => `${code} ${message.replaceAll(/line \d+/g, 'line')}`)
  return JSON.stringify(result.ok ? result.plan.workflows : said.sort())
}

test('every real file means the same when it is written out anew', {
  skip: corpusNames.length === 0 && 'the corpus is not on this machine',
}, () => {
  let count = 0
  for (const name of corpusNames) {
    const text = corpusText(name)
    const written = mergeConfigs([{ path, text }])
    // A setup configuration is none to continue with.
    if (!written.ok) assert.match(text, /^setup: true$/m, name)
    else assert.equal(meaning(written.text), meaning(text), name)
    count++
  }
  assert.ok(count > 70)
})
