// Connections that end at an unusual moment. What a browser sees is in live.db.test.ts.
import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Actor } from '../access/actor.ts'
import { limits } from './limits.ts'
import { createLive } from './live.ts'

// SAFE: nobody follows anything here, so nothing else of these is looked at.
const actor = { kind: 'user', session: 'ses_a' } as Actor
type Deps = Parameters<typeof createLive>[0]
const request = { method: 'GET', headers: {} } as IncomingMessage

test('who goes while its credentials are looked at takes no seat', async () => {
  const live = createLive({ runs: { onChange: () => () => undefined } } as unknown as Deps)
  for (let i = 0; i <= limits.connectionsPerCredential; i++) {
    const socket = new Duplex()
    const admitted = Promise.withResolvers<Actor>()
    const accepted = live.acceptUpgrade({
      ...{ request, socket, head: Buffer.alloc(0), admit: () => admitted.promise },
    })
    socket.destroy()
    await turn()
    admitted.resolve(actor)
    // A refusal for want of seats rejects.
    await accepted
  }
  live.close()
})
