import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fault } from '../base/faults.ts'
import { Secret } from '../base/secret.ts'
import { createPinoLog } from './pino-log.ts'

test('one JSON line per event: message, fields of parents, causes of errors, no secrets, nothing below the level', () => {
  const lines: string[] = []
  const log = createPinoLog({ level: 'info', stream: { write: (line) => void lines.push(line) } })
  log.debug('not written')
  log.child({ runId: 'run_1' }).warn('disk nearly full', { freeBytes: 5, password: new Secret('hunter2') })
  log.error('failed', { error: fault('E_DATABASE', { detail: 'outer', cause: new Error('inner') }) })
  const [first, second] = lines.map((line) => JSON.parse(line))
  assert.equal(lines.length, 2)
  assert.deepEqual(
    { ...first, at: '' },
    {
      level: 'warn',
      at: '',
      program: 'server',
      runId: 'run_1',
      freeBytes: 5,
      password: '[secret]',
      message: 'disk nearly full',
    },
  )
  assert.match(first.at, /^\d{4}-.*Z$/)
  assert.deepEqual(Object.keys(second.error), ['name', 'message', 'stack', 'cause'])
  assert.deepEqual([second.error.message, second.error.cause.message], ['E_DATABASE: outer', 'inner'])
})
