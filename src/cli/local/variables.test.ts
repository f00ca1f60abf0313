// Files with variables for jobs, as people have them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readVariables } from './variables.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-variables-'))
after(() => rmSync(directory, { recursive: true }))

test('values are taken as they are, without the ends of their lines, also those of Windows', async () => {
  writeFileSync(join(directory, 'env'), '# of jobs\r\nA=1\r\n\r\nB= "x y"\r\nC=a=b\\n\nD=\n')
  assert.deepEqual(await readVariables(directory, 'env'), [
    ['A', '1'],
    ['B', ' "x y"'],
    ['C', 'a=b\\n'],
    ['D', ''],
  ])
})
