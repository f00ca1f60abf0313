// One connection of a job, from acceptance to its record (isolation.md §6.3):
//   1 whose it is and whether it may, 2 what it speaks, 3 the addresses behind the name, each checked, 4 a connection
//   of our own to a checked address, 5 bytes both ways until either side ends.
// A refusal is a reset. The name is resolved once and the checked address itself is connected to, so that a second
// answer has no window.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { normalizeAddress, normalizeName } from '../../sys/index.ts'
import { checkAddress } from './addresses.ts'
import { readClientHello } from './client-hello.ts'
import type { FakeAddresses } from './fake-addresses.ts'
import { createHttpGuard, type HttpGuard } from './http-guard.ts'
import type { Judgement } from './judge.ts'
import { addressesTried, connectMs, headMs, idleMs, resolveMs } from './limits.ts'
import type { Link } from './link.ts'
import type { Resolve } from './resolve.ts'

export type RelayDeps = {
  readonly fakes: FakeAddresses
  readonly resolve: Resolve
  /** Starts connecting to a literal address; must not look anything up. */
  readonly connect: (address: string, port: number) => Socket
  readonly ownAddresses: () => ReadonlySet<string>
  readonly clock: Clock
}

type Story = { host: string; ip: string | null; up: number; down: number; why: string; isDenied: boolean }
type Allowed = Extract<Judgement, { ok: true }>

/** Resolves when the connection has ended and is recorded; never rejects. */
export const relay = async (deps: RelayDeps, client: Socket, port: number, link: Link): Promise<void> => {
  const startedAt = deps.clock.now()
  const startedMs = deps.clock.monotonicMs()
  const address = client.localAddress ?? ''
  const name = deps.fakes.nameOf(address)
  const story: Story = { host: name ?? address, ip: null, up: 0, down: 0, why: 'ok', isDenied: false }
  client.on('error', () => undefined)
  const hungUp = new AbortController()
  client.once('close', () => hungUp.abort())
  const signal = AbortSignal.any([link.signal, hungUp.signal])
  try {
    await carry({ deps, client, port, link, story, signal }, link.judge.judge({ name, address, port }), name)
  } catch (error) {
    story.why = error instanceof Refusal ? error.message : `failed: ${codeOf(error)}`
    story.isDenied = error instanceof Refusal
    cut(client)
  }
  link.record({
    at: new Date(startedAt).toISOString(),
    proto: 'tcp',
    host: story.host,
    ip: story.ip,
    port,
    verdict: story.isDenied ? 'denied' : 'allowed',
    why: story.why,
    up: story.up,
    down: story.down,
    ms: Math.round(deps.clock.monotonicMs() - startedMs),
  })
}

/** The policy's no: as opposed to a world that does not answer. */
class Refusal extends Error {}

const codeOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return String(code ?? name ?? 'unknown')
}

type Connection = {
  readonly deps: RelayDeps
  readonly client: Socket
  readonly port: number
  readonly link: Link
  readonly story: Story
  /** Aborted when the link is revoked or the job hangs up: nothing is looked up or connected to for nobody. */
  readonly signal: AbortSignal
}

const carry = async (connection: Connection, judgement: Judgement, name: string | null): Promise<void> => {
  const { deps, client, port, story, signal } = connection
  if (!judgement.ok) throw new Refusal(judgement.why)
  const head = judgement.speaks === 'tls' ? await readTlsHead(client, name ?? '', signal) : []
  const addresses = await checkedAddresses(connection, judgement, name)
  const { upstream, address } = await connectFirst(deps, addresses, port, signal)
  story.ip = address
  const guard = judgement.speaks === 'http' && name !== null ? createHttpGuard(name) : null
  await splice({ ...connection, upstream, guard, head })
}

/** Reads until the server name is known. The bytes are kept: the server has to see them too. */
const readTlsHead = async (client: Socket, name: string, signal: AbortSignal): Promise<readonly Buffer[]> => {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(headMs)])
  let bytes = Buffer.alloc(0)
  let need = 1
  while (true) {
    const chunk = await nextChunk(client, deadline)
    if (chunk === null) throw new Refusal('sni: no hello')
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.length < need) continue
    const reading = readClientHello(bytes)
    if (reading.kind === 'bad') throw new Refusal(`sni: ${reading.why}`)
    if (reading.kind === 'more') need = reading.need
    else if (reading.name === null) throw new Refusal('sni: none')
    else if (normalizeName(reading.name) !== name) throw new Refusal('sni: another name')
    else return [bytes]
  }
}

/** The next bytes of a paused socket; null at its end or after the deadline. */
const nextChunk = async (socket: Socket, signal: AbortSignal): Promise<Buffer | null> => {
  try {
    while (true) {
      const chunk: Buffer | null = socket.read()
      if (chunk !== null) return chunk
      if (socket.readableEnded || socket.destroyed) return null
      const settled = new AbortController()
      const any = AbortSignal.any([signal, settled.signal])
      try {
        await Promise.race(['readable', 'end', 'close'].map((event) => once(socket, event, { signal: any })))
      } finally {
        settled.abort()
      }
    }
  } catch {
    return null
  }
}

const checkedAddresses = async (
  { deps, port, story, signal: ended }: Connection,
  { host, isSource, exceptions }: Allowed,
  name: string | null,
): Promise<readonly string[]> => {
  const signal = AbortSignal.any([ended, AbortSignal.timeout(resolveMs)])
  const isLiteral = normalizeAddress(host) !== null
  const answers = isLiteral ? [host] : await deps.resolve(host, signal)
  if (answers.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' })
  const question = { port, host: isLiteral ? name : host, exceptions, isSource, own: deps.ownAddresses() }
  for (const address of answers) {
    const why = checkAddress(address, question)
    // One bad answer spoils all: it would be somebody's attempt, or luck, which of them is used.
    if (why === null) continue
    story.ip = address
    throw new Refusal(`address: ${why}`)
  }
  return answers
}

const connectFirst = async (
  deps: RelayDeps,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<{ upstream: Socket; address: string }> => {
  let last: unknown
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(connectMs)])
  for (const address of addresses.slice(0, addressesTried)) {
    const upstream = deps.connect(address, port)
    upstream.on('error', () => undefined)
    try {
      await once(upstream, 'connect', { signal: deadline })
      return { upstream, address }
    } catch (error) {
      upstream.destroy()
      last = error
    }
  }
  throw last
}

type Splice = Connection & {
  readonly upstream: Socket
  readonly guard: HttpGuard | null
  readonly head: readonly Buffer[]
}

/** A reset, unless its end is under way already: libuv refuses that, and Node then never closes the socket. */
const cut = (socket: Socket): void => {
  if (socket.destroyed) return
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** Both directions, with back-pressure and half-close. Rejects with a Refusal when policy ends it. */
const splice = ({ client, upstream, guard, head, link, story }: Splice): Promise<void> =>
  new Promise((resolve, reject) => {
    const finish = (error?: Error) => {
      link.signal.removeEventListener('abort', abort)
      for (const socket of [client, upstream]) cut(socket)
      if (error === undefined) resolve()
      else reject(error)
    }
    const abort = () => finish(new Refusal('network closed'))
    const count = (direction: 'up' | 'down', bytes: number): boolean => {
      story[direction] += bytes
      if (link.spend(direction, bytes)) return true
      finish(new Refusal('egress-bytes'))
      return false
    }
    const toServer = (chunk: Buffer) => {
      const verdict = guard?.push(chunk) ?? { ok: true, pass: chunk }
      if (!verdict.ok) return finish(new Refusal(verdict.why))
      if (!count('up', verdict.pass.length)) return
      if (verdict.pass.length > 0 && !upstream.write(verdict.pass)) client.pause()
    }
    const toClient = (chunk: Buffer) => {
      if (count('down', chunk.length) && !client.write(chunk)) upstream.pause()
    }
    let isOpen = 2
    const closed = () => {
      isOpen--
      // The other side may still have bytes in flight unless this one was cut off.
      if (isOpen === 0 || client.errored || upstream.errored) finish()
    }
    link.signal.addEventListener('abort', abort)
    if (link.signal.aborted) return abort()
    if (client.destroyed) return finish()
    client.setTimeout(idleMs, () => finish(new Refusal('idle')))
    client.on('drain', () => upstream.resume())
    upstream.on('drain', () => client.resume())
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
    client.on('close', closed)
    upstream.on('close', closed)
    for (const chunk of head) toServer(chunk)
    client.on('data', toServer)
    upstream.on('data', toClient)
    client.resume()
  })
