// What a setup configuration here compares with: what its path filtering says, or what the person says instead.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findWorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'
import { createLocalContinuing, type LocalContinuingOf } from './local-continuing.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-continuing-'))
after(() => rm(root, { recursive: true }))
const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: root })
git('init', '--quiet', '--initial-branch=main')
for (const name of ['a', 'b', 'c']) {
  await writeFile(join(root, name), name)
  git('add', '.')
  git('commit', '--quiet', '--message', name)
}

test('--changed-since goes before the base of path filtering', async () => {
  // SAFE: Git is all that is looked at.
  const around = { cwd: root, environment: { PATH: process.env.PATH } } as unknown as Surroundings
  const tree = await findWorkTree(around)
  const changed = async (changedSince: string | null) => {
    const of = { tree, changedSince } as unknown as LocalContinuingOf
    const answer = await createLocalContinuing(around, of).changed(
      { base: 'main', onBase: 'parent' },
      async () => undefined,
      new AbortController().signal,
    )
    return answer.ok ? [...answer.paths].sort() : answer.message
  }
  assert.deepEqual(await changed(null), ['c'])
  assert.deepEqual(await changed('HEAD~2'), ['b', 'c'])
  assert.deepEqual(await changed('HEAD'), [])
  await writeFile(join(root, 'd'), 'd')
  assert.deepEqual(await changed('HEAD'), ['d'])
  assert.match(String(await changed('nowhere')), /no branch, tag or commit "nowhere" here/)
})
