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
