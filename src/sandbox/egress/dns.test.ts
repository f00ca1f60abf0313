// Names asked for over TCP by somebody who means no good.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveTcp } from './dns.ts'
import { createLink } from './link.ts'

test('who asks on and on and reads no answer fills no memory of ours', async (t) => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const job = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  job.on('error', () => undefined)
  t.after(() => {
    job.destroy()
    server.close()
  })
  const [socket]: Socket[] = await once(server, 'connection')
  assert.ok(socket)
  const link = createLink(
    {
      ...{ cell: 'job', signal: new AbortController().signal },
      ...{ record: () => undefined, refuse: () => undefined },
      judge: { knowsName: () => true, resolvesFirst: false, judge: () => ({ ok: false, why: 'unlisted' }) },
    },
    { egressBytes: 0, connections: 1 },
    () => undefined,
  )
  const asked = 100_000
  let answered = 0
  const respond = async () => {
    answered++
    return new Uint8Array(280)
  }
  serveTcp(socket, respond, link)
  const question = Buffer.concat([Buffer.from([0, 30]), Buffer.alloc(30)])
  const questions = Buffer.concat(Array.from({ length: asked }, () => question))
  job.write(questions)
  // Until nothing moves any more.
  for (let before = -1; before !== answered; await sleep(300)) before = answered
  assert.ok(socket.writableLength < 1024 * 1024, `${answered} answers, ${socket.writableLength} bytes wait`)
})
