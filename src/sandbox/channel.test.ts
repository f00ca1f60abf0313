// The line between the halves when Node's channel fails below it.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { channelOverIpc } from './channel.ts'
import { callMs } from './limits.ts'

test('an error of the channel closes the line, once, and ends no process', () => {
  const end = new EventEmitter()
  let closed = 0
  channelOverIpc(end).onClose(() => closed++)
  end.emit('error', Object.assign(new Error('already disconnected'), { code: 'ERR_IPC_DISCONNECTED' }))
  end.emit('disconnect')
  assert.equal(closed, 1)
})

test('what is on its way when the line closes is refused, not waited for', async () => {
  const end = Object.assign(new EventEmitter(), { connected: true, send: () => true })
  const channel = channelOverIpc(end)
  const sent = channel.send({ hello: 1 })
  end.emit('disconnect')
  await assert.rejects(sent, /the other side is gone/)
  await assert.rejects(channel.send({ hello: 2 }), /the other side is gone/)
})

test('a side that takes nothing for too long ends the line', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const end = Object.assign(new EventEmitter(), { connected: true, send: () => true })
  const channel = channelOverIpc(end)
  let closed = 0
  channel.onClose(() => closed++)
  const sent = channel.send({ hello: 1 })
  t.mock.timers.tick(callMs - 1)
  assert.equal(closed, 0)
  t.mock.timers.tick(1)
  await assert.rejects(sent, /the other side is gone/)
  assert.equal(closed, 1)
})
