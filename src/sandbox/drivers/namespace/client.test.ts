// The line to the jailer against a scripted other end: what is told of the end of cells, and when.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Channel } from '../../channel.ts'
import { callMs } from '../../limits.ts'
import type { RawHandle } from '../../pipes.ts'
import { contractSpec } from '../../steps.contract.ts'
import type { VerbName } from '../../verbs.ts'
import { createJailerClient } from './client.ts'
import { openNest } from './nest.ts'

const lineTo = () => {
  let tell: (message: unknown, handle?: RawHandle) => void = () => undefined
  let end: () => void = () => undefined
  const sent: { readonly call: number; readonly verb: VerbName; readonly with: object }[] = []
  const channel: Channel = {
    send: async (message) => void sent.push(message as (typeof sent)[number]),
    onMessage: (handler) => {
      tell = handler
    },
    onClose: (handler) => {
      end = handler
    },
    close: () => undefined,
  }
  const client = createJailerClient(channel)
  return {
    ...{ client, sent },
    tell: (message: unknown, handle?: RawHandle) => tell(message, handle),
    exits: (cell: number, code: number) => tell({ nest: 'n', cell, code, ran: true }),
    end: () => end(),
  }
}

const gone = { code: null, ran: true }

test('the end of a cell is heard, also by who asks later', async () => {
  const { client, exits } = lineTo()
  const early = client.cellExit('n', 0)
  exits(0, 3)
  exits(1, 4)
  assert.equal((await early).code, 3)
  assert.equal((await client.cellExit('n', 1)).code, 4)
})

test('who waits for a cell of a nest that is gone hears so, and its late news is no news', async () => {
  const { client, exits } = lineTo()
  const waiting = client.cellExit('n', 0)
  const other = client.cellExit('m', 0)
  client.forget('n')
  assert.deepEqual(await waiting, gone)
  exits(0, 137)
  assert.deepEqual(await client.cellExit('n', 0), gone)
  let isOver = false
  void other.then(() => {
    isOver = true
  })
  await setImmediate()
  assert.equal(isOver, false)
})

test('a step that was being started when its nest went is lost, and nobody waits for its end', async () => {
  const { client, exits } = lineTo()
  client.forget('n')
  assert.deepEqual(await client.cellExit('n', 7), gone)
  exits(8, 0)
  assert.deepEqual(await client.cellExit('n', 8), gone, 'what comes late is no news')
})

test('when the line closes, everybody who waits hears it', async () => {
  const { client, end } = lineTo()
  const waiting = client.cellExit('n', 0)
  const call = client.call('sweep', {})
  end()
  assert.deepEqual(await waiting, gone)
  await assert.rejects(call)
  assert.deepEqual(await client.cellExit('n', 5), gone)
})

test('a nest that comes when nobody waits for it any more is destroyed, and what came with it closed', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { client, sent, tell } = lineTo()
    const kind = { limits: contractSpec.limits, net: 'none', seccomp: 'strict', tools: [] } as const
    const opening = openNest(client, kind, 0)
    let closed = 0
    const give = () => tell({ call: 1, part: 'out', set: 0 }, { close: () => void closed++ })
    give()
    mock.timers.tick(callMs)
    await assert.rejects(opening, { code: 'E_SANDBOX_DEADLINE' })
    give()
    tell({ re: 1, value: { nest: 'aaaaaaaa', address: null, noswap: false } })
    assert.equal(closed, 2)
    assert.deepEqual(
      sent.map(({ verb, with: args }) => [verb, verb === 'nest.destroy' ? args : {}]),
      [
        ['nest.prepare', {}],
        ['nest.destroy', { nest: 'aaaaaaaa', unused: true }],
      ],
    )
  } finally {
    mock.timers.reset()
  }
})
