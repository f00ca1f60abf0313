// The one-shot listener binder (isolation.md §6.1): started by the jailer with `nsenter --net`, it binds what it is told
// in the gateway namespace of all nests, hands the raw handles back over Node's channel and ends. It never accepts,
// reads or connects, and takes no input but the jailer's.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

type Order = { readonly dnsAddress: string | null; readonly ports: readonly number[] }

// Datagram sockets show their handle only through a deprecated accessor: there is no other way to send one on
// without the receiver reading from it.
process.noDeprecation = true

const rawHandle = (owner: object): unknown => Reflect.get(owner, '_handle')

const bindTcp = (port: number, host: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen({ port, host, backlog: 4096, exclusive: true }, () => resolve(rawHandle(server)))
  })

const bindUdp = (port: number, address: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4').on('error', reject)
    socket.bind({ port, address, exclusive: true }, () => resolve(rawHandle(socket)))
  })

const hand = (proto: 'tcp' | 'udp', port: number, handle: unknown): Promise<void> =>
  new Promise((resolve, reject) => {
    // SAFE: a handle of libuv, which `send` accepts though its types name only the public classes.
    process.send?.({ proto, port }, handle as never, {}, (error) => (error ? reject(error) : resolve()))
  })

process.once('message', async (order: Order) => {
  try {
    if (order.dnsAddress !== null) {
      await hand('udp', 53, await bindUdp(53, order.dnsAddress))
      await hand('tcp', 53, await bindTcp(53, order.dnsAddress))
    }
    for (const port of order.ports) await hand('tcp', port, await bindTcp(port, '0.0.0.0'))
    process.send?.({ done: true })
  } catch (error) {
    process.send?.({ failed: String(error) })
  }
})
// The jailer disconnects when it holds everything; ending earlier could lose a handle in flight.
process.once('disconnect', () => process.exit(0))
// A jailer that dies while a handle is on its way is not noticed: Node then tells of no disconnect.
setTimeout(() => process.exit(1), 15_000).unref()
