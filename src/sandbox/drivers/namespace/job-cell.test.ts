// The runner's reading of the step loop, whose words are hostile.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { createJobCell } from './job-cell.ts'

const open = () => {
  const [orders, status] = [new PassThrough(), new PassThrough()]
  let lose: (value: null) => void = () => undefined
  const lost = new Promise<null>((resolve) => {
    lose = resolve
  })
  // SAFE (test): a stream with the members the cell uses.
  const cell = createJobCell(orders as unknown as Socket, status as unknown as Socket, lost)
  return { orders, status, cell, lose: () => lose(null) }
}

test('the words of an honest loop', async () => {
  const { orders, status, cell } = open()
  status.write('rea')
  status.write('dy\n')
  assert.equal(await cell.ready, true)
  const step = cell.start(1, true)
  const beside = cell.start(100_000, false)
  assert.equal(orders.read().toString(), '100000\n')
  status.write('start 1 17\nstart 100000 23\nend 1 3\n')
  assert.equal(await step.session, 17)
  assert.deepEqual(await step.ended, { kind: 'exit', code: 3 })
  status.write('end 100000 0\n')
  assert.deepEqual(await beside.ended, { kind: 'exit', code: 0 })
})

for (const [title, words] of [
  ['a step that was never started', 'end 2 0\n'],
  ['a line of another kind', 'hello\n'],
  ['a loop that is ready twice', 'ready\nready\n'],
  ['a code that is no number', 'end 1 x\n'],
  ['an endless line', 'e'.repeat(1000)],
  ['a line of control characters', '\0\x1b[2J\n'],
] as const)
  test(`${title} ends the job's steps and nothing else`, async () => {
    const { status, cell } = open()
    const step = cell.start(1, true)
    status.write(words)
    assert.deepEqual(await step.ended, { kind: 'lost' })
    assert.equal(await step.session, null)
    assert.deepEqual(await cell.start(2, true).ended, { kind: 'lost' })
  })

test('a step begins once: who goes on saying so is not listened to', async () => {
  const { status, cell } = open()
  const step = cell.start(1, true)
  status.write('start 1 17\nstart 1 17\n')
  assert.deepEqual(await step.ended, { kind: 'lost' })
  assert.equal(status.destroyed, true)
})

test('when the cell ends, so do its steps', async () => {
  const { cell, status, lose } = open()
  status.write('ready\n')
  const step = cell.start(1, true)
  status.write('start 1 17\n')
  await step.session
  assert.equal(cell.isAlive(), true)
  lose()
  assert.deepEqual(await step.ended, { kind: 'lost' })
  assert.equal(cell.isAlive(), false)
  assert.deepEqual(await cell.start(2, true).ended, { kind: 'lost' })
})

test('of a cell that ends before a step began in it, none was started', async () => {
  for (const end of ['lose', 'close'] as const) {
    const { cell, status, lose } = open()
    const step = cell.start(1, true)
    if (end === 'lose') lose()
    else status.destroy()
    const none = { kind: 'not-started', code: null }
    assert.deepEqual(await step.ended, none)
    assert.deepEqual(await cell.start(2, true).ended, none)
    assert.equal(await cell.ready, false)
    assert.equal(cell.isAlive(), false)
  }
})

test('a code is one byte, whatever is said', async () => {
  const { status, cell } = open()
  const step = cell.start(1, true)
  status.write('end 1 9999999\n')
  assert.deepEqual(await step.ended, { kind: 'exit', code: 9999999 & 255 })
})
