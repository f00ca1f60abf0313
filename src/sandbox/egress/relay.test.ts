// What a connection leaves behind when its link is cut.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { parseAddressExceptions, systemClock } from '../../sys/index.ts'
import { createFakeAddresses } from './fake-addresses.ts'
import type { Judgement } from './judge.ts'
import { createLink } from './link.ts'
import { relay } from './relay.ts'

const deadline = () => AbortSignal.timeout(10_000)

const listen = async (onConnection: (socket: Socket) => void): Promise<Server> => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const openSockets = () => readdirSync('/proc/self/fd').filter(isSocket).length
const isSocket = (fd: string): boolean => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false
  }
}
const portOf = (server: Server) => (server.address() as AddressInfo).port
/** Of a job that may go where `allowed` says, and there to this machine. */
const openLink = (
  allowed: Pick<Extract<Judgement, { ok: true }>, 'host' | 'speaks'>,
  signal: AbortSignal,
) => {
  const exceptions = parseAddressExceptions(['127.0.0.1/32'])
  const judgement: Judgement = { ok: true, isSource: true, exceptions, ...allowed }
  return createLink(
    {
      ...{ cell: 'job', signal, record: () => undefined, refuse: () => undefined },
      judge: { judge: () => judgement, knowsName: () => false, resolvesFirst: false },
    },
    { egressBytes: 1 << 30, connections: 1 },
    () => undefined,
  )
}

test('a connection whose end is under way when its link is cut is closed on both sides', async () => {
  const before = openSockets()
  const held: Socket[] = []
  const silent = await listen((socket) => void held.push(socket.on('error', () => undefined)))
  const accepted = Promise.withResolvers<Socket>()
  const front = await listen(accepted.resolve)
  const job = connect(portOf(front), '127.0.0.1')
  job.on('error', () => undefined)
  const client = await accepted.promise
  const upstreams: Socket[] = []
  const cut = new AbortController()
  const link = openLink({ host: '127.0.0.1', speaks: 'anything' }, cut.signal)
  const deps = {
    ...{ fakes: createFakeAddresses(), resolve: async () => [], clock: systemClock },
    ownAddresses: () => new Set<string>(),
    connect: (address: string, port: number) => {
      const socket = connect({ host: address, port, allowHalfOpen: true })
      upstreams.push(socket)
      return socket
    },
  }
  const relayed = relay(deps, client, portOf(silent), link)
  while (upstreams.length === 0) await nextTurn()
  await once(upstreams[0] as Socket, 'connect', { signal: deadline() })
  await nextTurn()
  // Right after the relay has passed the end on: in this turn of the loop that end is still under way.
  client.on('end', () => cut.abort())
  job.end()
  await relayed
  for (const socket of [client, ...upstreams])
    if (!socket.closed) await once(socket, 'close', { signal: deadline() })
  for (const socket of [job, ...held]) socket.destroy()
  silent.close()
  front.close()
  assert.equal(upstreams.length, 1)
  // Node says `close` of a socket that libuv would not reset, and keeps it for ever.
  const until = deadline()
  while (openSockets() > before && !until.aborted) await nextTurn()
  assert.equal(openSockets(), before)
})

test('of a job that hangs up while its name is looked up nothing stays connected outside', async () => {
  const before = openSockets()
  const held: Socket[] = []
  const server = await listen((socket) => void held.push(socket.on('error', () => undefined)))
  const accepted = Promise.withResolvers<Socket>()
  const front = await listen(accepted.resolve)
  const job = connect(portOf(front), '127.0.0.1')
  const hello = connectTls({ socket: job, servername: 'named.example' })
  hello.on('error', () => undefined)
  const client = await accepted.promise
  const link = openLink({ host: 'named.example', speaks: 'tls' }, new AbortController().signal)
  const resolve = async () => {
    job.resetAndDestroy()
    while (!client.closed) await nextTurn()
    return ['127.0.0.1']
  }
  const deps = {
    ...{ fakes: { addressOf: () => null, nameOf: () => 'named.example' }, resolve, clock: systemClock },
    ownAddresses: () => new Set<string>(),
    connect: (address: string, port: number) => connect({ host: address, port, allowHalfOpen: true }),
  }
  const late = sleep(5_000, 'it goes on', { ref: false })
  assert.equal(await Promise.race([relay(deps, client, portOf(server), link), late]), undefined)
  for (const socket of held) socket.destroy()
  server.close()
  front.close()
  const until = deadline()
  while (openSockets() > before && !until.aborted) await nextTurn()
  assert.equal(openSockets(), before)
})
