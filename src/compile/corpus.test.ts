// Real configurations, and damaged ones. The corpus lies beside the repository on development machines and is no part
// of it; without it the damaged files are made from the golden cases alone, and the output says so. More of them:
// tools/fuzz.ts.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  compileDamaged,
  goldenTexts,
  judgeCompile,
  corpusNames as names,
  pushOf,
  corpusText as textOf,
} from '../../test/support/damaged-configurations.ts'
import { compatibilityPage } from '../../tools/compatibility-page.ts'
import { type CompileResult, compile, problemCodes } from './index.ts'

const isAbsent = names.length === 0
if (isAbsent)
  console.log('the corpus of real files is absent (../shared/corpus/circleci): nothing of it is tested')
const skip = isAbsent && 'the corpus is absent'

const compileText = (text: string): CompileResult =>
  compile({ files: new Map([['.circleci/config.yml', text]]), event: pushOf('main'), parameters: {} })

/** Errors that real files have for reasons of their own: a name to fill in; no configuration at all; no such job. */
const ownErrors: Readonly<Record<string, readonly string[]>> = {
  'CircleCI-Public__path-filtering-orb@2021.yml': [problemCodes.E_ORB_REFERENCE.number],
  'circleci__circleci-docs__factory-bot.yml': [
    problemCodes.E_VERSION.number,
    problemCodes.E_NO_WORKFLOW.number,
  ],
  'cypress-io__cypress-example-kitchensink@2023.yml': [problemCodes.E_REQUIRES_UNKNOWN.number],
}

/** A registry orb that is not here, or an element of the empty stand-in for the orb that a file tests. */
const ofOrbs: readonly string[] = [problemCodes.E_ORB_MISSING.number, problemCodes.E_ORB_ELEMENT.number]

test('every real file compiles, or names the orb that is missing', { skip }, () => {
  for (const name of names)
    for (const event of [pushOf('main'), pushOf('feature/x'), pushOf(null, 'v1.2.3')]) {
      const errors = judgeCompile(textOf(name), { event }).problems.filter(
        ({ severity }) => severity === 'error',
      )
      const own = new Set(errors.map(({ code }) => code).filter((code) => !ofOrbs.includes(code)))
      assert.deepEqual([...own].toSorted(), ownErrors[name] ?? [], `${name}: ${JSON.stringify(errors)}`)
    }
})

test('docs/compatibility.md says of every real file what becomes of it, and why', { skip }, () => {
  const page = compatibilityPage()
  assert.ok(!page.includes('not explained'), page)
  const path = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url))
  assert.equal(page === readFileSync(path, 'utf8'), true, 'node tools/docs.ts writes it')
})

test('the same text gives the same answer, byte for byte', { skip }, () => {
  for (const name of names.slice(0, 10))
    assert.equal(JSON.stringify(compileText(textOf(name))), JSON.stringify(compileText(textOf(name))))
})

const jobsOf = (count: number): string => {
  const jobs = Array.from(
    { length: count },
    (_, i) => `  j${i}: {docker: [{image: a}], steps: [checkout, {run: x}]}\n`,
  )
  const entries = Array.from(
    { length: count },
    (_, i) => `      - j${i}: {requires: [${i === 0 ? '' : `j${i - 1}`}]}\n`,
  )
  return `version: 2.1\njobs:\n${jobs.join('')}workflows:\n  w:\n    jobs:\n${entries.join('')}`
}

/** Milliseconds of processor time: what else runs on the machine does not count. */
const cheapest = (text: string): number => {
  const times = Array.from({ length: 5 }, () => {
    const started = process.cpuUsage()
    compileText(text)
    const { user, system } = process.cpuUsage(started)
    return (user + system) / 1000
  })
  return Math.min(...times)
}

test('ten times the text takes little more than ten times the processor time', () => {
  cheapest(jobsOf(50))
  const small = cheapest(jobsOf(100))
  const large = cheapest(jobsOf(1000))
  assert.ok(large < 30 * small, `${small} ms became ${large} ms`)
})

test('500 damaged files never throw, and every problem has its place', () => {
  compileDamaged([...goldenTexts(), ...names.map(textOf).filter((text) => text.length < 20_000)], [1, 500])
})
