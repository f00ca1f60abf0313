import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../base/faults.ts'
import { silentLog } from '../base/log.ts'
import { type ChildProcess, spawn } from '../sys/index.ts'
import { keepChild } from './children.ts'

const program = (text: string) => () => spawn('/bin/sh', ['-c', text])
const ready = 'echo \'{"ready":true,"n":1}\';'

const keep = (
  text: string,
  more: {
    start?: () => ChildProcess
    onReady?: (ready: Record<string, unknown>) => Promise<void>
    onLine?: (line: string) => void
    steadyMs?: number
    beatMs?: number
  } = {},
) => keepChild({ name: 'thing', start: program(text), log: silentLog, onLine: () => undefined, ...more })

const until = async (condition: () => boolean): Promise<void> => {
  const end = performance.now() + 10_000
  while (!condition()) {
    assert.ok(performance.now() < end, 'not in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a program is there once it says so, and what it says besides is passed on', async () => {
  const lines: string[] = []
  const child = await keep(`echo first; ${ready} echo second >&2; exec sleep 60`, {
    onLine: (line) => lines.push(line),
  })
  assert.deepEqual(child.ready, { ready: true, n: 1 })
  await until(() => lines.length === 2)
  assert.deepEqual(lines, ['first', 'second'])
  await child.close()
})

test('a program that ends is started again and made ready again', async () => {
  const state = { readies: 0 }
  const child = await keep(`${ready} exec sleep 60`, {
    onReady: async () => {
      state.readies += 1
    },
  })
  const before = child.pid
  process.kill(before, 'SIGKILL')
  await until(() => state.readies === 2)
  assert.notEqual(child.pid, before)
  assert.equal(child.restarts, 1)
  await child.close()
})

test('a program that ends while it is made ready is started again', async () => {
  const state = { readies: 0 }
  const child = await keep('', {
    start: () => spawn('/bin/sh', ['-c', state.readies === 0 ? `${ready} exit 3` : `${ready} exec sleep 60`]),
    onReady: async () => {
      state.readies += 1
      await new Promise((resolve) => setTimeout(resolve, 200))
    },
  })
  await until(() => state.readies === 2 && child.restarts === 1)
  process.kill(child.pid, 0)
  await child.close()
})

test('a program that the machine does not start at first is started again', async () => {
  const state = { starts: 0 }
  const child = await keep('', {
    start: () => {
      state.starts += 1
      if (state.starts === 2) throw new Error('spawn ENOMEM')
      return program(`${ready} exec sleep 60`)()
    },
  })
  process.kill(child.pid, 'SIGKILL')
  await until(() => state.starts === 3 && child.restarts === 2)
  await child.close()
})

test('it can be stopped while it starts again, also when it gets ready all the same', async () => {
  const lives = [`${ready} exec sleep 60`, `trap '' TERM; echo up; sleep 0.2; ${ready} sleep 0.2`]
  const lines: string[] = []
  const child = await keep('', {
    start: () => spawn('/bin/sh', ['-c', lives.shift() ?? 'exit 1']),
    onLine: (line) => lines.push(line),
  })
  process.kill(child.pid, 'SIGKILL')
  await until(() => lines.includes('up'))
  await child.close()
  assert.throws(() => process.kill(child.pid, 0))
})

test('one that cannot be made ready is not left running', async () => {
  const pids: number[] = []
  const start = () => {
    const process = program(`${ready} exec sleep 60`)()
    pids.push(process.pid ?? 0)
    return process
  }
  const fail = keep('', { start, onReady: () => Promise.reject(new Error('not today')) })
  await assert.rejects(fail, /not today/)
  assert.equal(pids.length, 1)
  assert.throws(() => process.kill(pids[0] ?? 0, 0))
})

test('a program that stands still is ended and started again; one that beats lives', async () => {
  const beat = `echo '{"beat":true}'; sleep 0.05;`
  const lives = await keep(`${ready} while :; do ${beat} done`, { beatMs: 100 })
  const stops = await keep(`${ready} ${beat} ${beat} exec sleep 60`, { beatMs: 100 })
  const { pid } = stops
  await until(() => stops.restarts === 1 && stops.pid !== pid)
  assert.equal(lives.restarts, 0)
  await Promise.all([lives.close(), stops.close()])
})

test('one that ran for a while is started again at once, however often it ended before', async () => {
  const child = await keep(`${ready} exec sleep 60`, { steadyMs: 0 })
  const begin = performance.now()
  for (let times = 1; times <= 5; times++) {
    const before = child.pid
    process.kill(before, 'SIGKILL')
    await until(() => child.pid !== before && child.restarts === times)
  }
  // Four waits in a row are 1.6 s, the fifth is 5 s: together more than this, on any machine.
  assert.ok(performance.now() - begin < 5_000)
  await child.close()
})

test('a program that never gets ready is a fault with its last words', async () => {
  await assert.rejects(
    keep('echo no key >&2; exit 7'),
    (error) => isFault(error, 'E_CHILD_FAILED') && /exit code 7\nno key/.test(error.public),
  )
})

test('what a program logged before it ended is told in words', async () => {
  const log = (fields: object) => `echo '${JSON.stringify({ level: 'error', at: '…', ...fields })}' >&2;`
  const error = { name: 'Fault', message: 'E_PORT_TAKEN: Port 1 is taken', stack: 'at x' }
  const [problem, none] = ['slots is no number', { why: 'no bwrap', fix: '' }]
  const said = [
    log({ message: 'the server did not start', error }),
    log({ message: 'the settings are not valid', problems: [problem] }),
    log({ message: 'the jailer could not start', error, ...none }),
    log({ message: 'hello', error: 7 }),
  ]
  await assert.rejects(keep(`${said.join(' ')} echo '{"a":1}' >&2; exit 11`), (error) => {
    assert.ok(isFault(error, 'E_CHILD_FAILED'))
    assert.deepEqual(error.public.split('\n').slice(1), [
      'the server did not start: Port 1 is taken',
      'the settings are not valid: slots is no number',
      'the jailer could not start: no bwrap',
      'hello',
      '{"a":1}',
    ])
    return true
  })
})

test('closing stops it for good, and twice is harmless', async () => {
  const child = await keep(`${ready} exec sleep 60`)
  const { pid } = child
  await Promise.all([child.close(), child.close()])
  assert.throws(() => process.kill(pid, 0))
  assert.equal(child.restarts, 0)
})
