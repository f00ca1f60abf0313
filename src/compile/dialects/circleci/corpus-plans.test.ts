// What the real files become: an outline of the plan of a push to main, and who runs for another branch and for a tag.
// Public orbs are stood in for by testdata/orbs; files that need others have no outline and are named in
// docs/compatibility.md. UPDATE_GOLDEN=1 rewrites.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  corpusNames,
  corpusText,
  judgeCompile,
  pushOf,
} from '../../../../test/support/damaged-configurations.ts'
import { jobNames, planOutline } from '../../../../test/support/plan-outline.ts'

const folder = fileURLToPath(new URL('testdata/', import.meta.url))
const isUpdating = process.env.UPDATE_GOLDEN === '1'
const skip = corpusNames.length === 0 && 'the corpus of real files is absent (../shared/corpus/circleci)'

const standIns = new Map(
  readdirSync(`${folder}orbs`)
    .filter((name) => name.endsWith('.yml'))
    .map((name) => [name.slice(0, -4).replace('__', '/'), readFileSync(`${folder}orbs/${name}`, 'utf8')]),
)

/** Each under the very version that the file asks for. */
const orbsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    [...text.matchAll(/([\w.-]+\/[\w.-]+)@([\w.]+)/g)].flatMap(([id, name = '']) => {
      const body = standIns.get(name)
      return body === undefined ? [] : [[id, body] as const]
    }),
  )

const outlineOf = (text: string): string | null => {
  const compiled = (branch: string | null, tag: string | null) => {
    const result = judgeCompile(text, { event: pushOf(branch, tag), orbs: orbsOf(text) })
    return result.ok ? result.plan : null
  }
  const [main, other, tag] = [compiled('main', null), compiled('feature/x', null), compiled(null, 'v1.2.3')]
  if (!main || !other || !tag) return null
  return `== push to main\n${planOutline(main)}\n== push to feature/x\n${jobNames(other)}\n== tag v1.2.3\n${jobNames(tag)}\n`
}

for (const name of corpusNames)
  test(`the plan of ${name} is as written down`, () => {
    const path = `${folder}corpus/${name.slice(0, -4)}.txt`
    const outline = outlineOf(corpusText(name))
    if (isUpdating && outline === null) rmSync(path, { force: true })
    else if (isUpdating && outline !== null) writeFileSync(path, outline)
    assert.equal(
      outline,
      existsSync(path) ? readFileSync(path, 'utf8') : null,
      `${path}; UPDATE_GOLDEN=1 rewrites it`,
    )
  })

test('at least 40 real files have their plan written down, and nothing else is', { skip }, () => {
  const written = readdirSync(`${folder}corpus`)
  assert.ok(written.length >= 40, `${written.length}`)
  assert.deepEqual(
    written.filter((name) => !corpusNames.includes(`${name.slice(0, -4)}.yml`)),
    [],
  )
})
