// What a runner may send to its jailer, against damaged copies: the jailer is root, so nothing here may break or pass.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damageJson, judgeParser } from '../../test/support/hostile.ts'
import { parseRequest } from './verbs.ts'

const nest = 'abcdefgh'
const start = {
  ...{ nest, files: 'clean', net: 'none', stdin: true, socket: 'none' },
  sources: [{ root: 0, path: 'team/web.git', at: 'mnt/source' }],
}

for (const genuine of [
  { call: 1, verb: 'cell.start', with: start },
  { call: 2, verb: 'net.listen', with: { ports: [80, 443] } },
  { call: 3, verb: 'step.signal', with: { nest, pid: 7, signal: 'KILL' } },
  { call: 4, verb: 'nest.destroy', with: { nest, unused: false } },
])
  test(`${genuine.verb}: only what is genuine is taken`, () => {
    assert.ok(parseRequest(genuine).ok)
    judgeParser(parseRequest, (random) => damageJson(random, genuine), { count: 1_000 })
  })

test('a path never leaves its root, whatever is written', () => {
  for (const path of ['/etc', '../x', 'a/../../b', 'a/..', '\0', 'a\nb', '', 'x'.repeat(1025)])
    assert.ok(
      !parseRequest({
        call: 1,
        verb: 'cell.start',
        with: { ...start, sources: [{ root: 0, path, at: 'mnt/a' }] },
      }).ok,
      path,
    )
})
