// The line between the halves when Node's channel fails below it.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { channelOverIpc } from './channel.ts'

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
