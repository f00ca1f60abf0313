// What stands before several servers: takes connections on one port and passes each on to the next server in turn, byte by
// byte. It reads nothing of what passes; a server that does not answer is left out for this connection.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from '../../test/support/installation.ts'

export type Balancer = {
  readonly port: number
  readonly close: () => Promise<void>
}

const host = '127.0.0.1'

/** `ports`: asked at each connection, so that servers may come later. */
export const openBalancer = async (ports: () => readonly number[]): Promise<Balancer> => {
  const open = new Set<Socket>()
  let turn = 0
  const keep = (socket: Socket) => {
    open.add(socket)
    socket.setNoDelay(true).once('close', () => open.delete(socket))
  }
  const server = createServer({ pauseOnConnect: true }, (client) => {
    keep(client)
    // Its end is heard of by `close`.
    client.on('error', () => {})
    const all = ports()
    const start = turn++ % Math.max(1, all.length)
    connectFirst([...all.slice(start), ...all.slice(0, start)]).then(
      (target) => {
        keep(target)
        join(client, target)
      },
      () => client.resetAndDestroy(),
    )
  })
  const port = await freePort()
  await once(server.listen(port, host), 'listening')
  return { port, close: () => closeAll(server, open) }
}

/** Rejects when nobody answers. */
const connectFirst = async (ports: readonly number[]): Promise<Socket> => {
  for (const port of ports) {
    const target = connect({ host, port })
    const isThere = await once(target, 'connect').then(
      () => true,
      () => false,
    )
    if (isThere) return target
  }
  throw new Error('no server answers')
}

/** What ends on one side ends on the other. */
const join = (client: Socket, target: Socket): void => {
  target.on('error', () => {})
  client.pipe(target)
  target.pipe(client)
  client.once('close', () => target.destroy())
  target.once('close', () => client.resetAndDestroy())
  client.resume()
}

const closeAll = async (server: Server, open: ReadonlySet<Socket>): Promise<void> => {
  const closed = once(server, 'close')
  server.close()
  for (const socket of open) socket.destroy()
  await closed
}
