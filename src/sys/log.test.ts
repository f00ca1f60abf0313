import assert from 'node:assert/strict'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fault } from '../base/faults.ts'
import { Secret } from '../base/secret.ts'
import { createLog } from './log.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-log-'))
after(() => rmSync(directory, { recursive: true }))

test('vault, jailer and runner write the fields that the server writes, and no fact takes the place of one', () => {
  const path = join(directory, 'log')
  const log = createLog('vault', { fd: openSync(path, 'w'), level: 'info' })
  log.debug('not written')
  log.child({ project: 'prj_1' }).warn('store slow', { ms: 5, key: new Secret('hunter2') })
  log.error('failed', { error: fault('E_DATABASE', { detail: 'outer', cause: new Error('inner') }) })
  log.info('a fact', { level: 'error', at: 'never', message: 'another', program: 'server' })
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const [first, second, third] = lines.map((line) => JSON.parse(line))
  assert.equal(lines.length, 3)
  assert.deepEqual(
    { ...first, at: '' },
    {
      ...{ level: 'warn', at: '', program: 'vault', project: 'prj_1', ms: 5, key: '[secret]' },
      message: 'store slow',
    },
  )
  assert.match(first.at, /^\d{4}-\d\d-\d\dT.*\.\d{3}Z$/)
  assert.deepEqual(Object.keys(second.error), ['name', 'message', 'stack', 'cause'])
  assert.deepEqual([second.error.message, second.error.cause.message], ['E_DATABASE: outer', 'inner'])
  assert.deepEqual([third.level, third.message, third.program], ['info', 'a fact', 'vault'])
})
