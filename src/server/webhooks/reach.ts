// One request to a target of webhooks. The name is resolved here, every address is judged, and the connection goes to
// those that were judged: no second look at the DNS. Nothing is followed, the answer is read to a bound, and all of it has one
// deadline. Whoever answers may be hostile, and whoever named the target may want to see what is behind our walls.
import { lookup as lookupDns } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { blockListOf, http, isInList, normalizeAddress, rangeOf } from '../../sys/index.ts'
import { limits } from '../limits.ts'

/** What the operator opened: addresses that are not of the public internet. */
export type Opened = { readonly address: (address: string, port: number) => boolean }

/** Each is `CIDR:port`, as the settings check it. */
export const parseOpened = (texts: readonly string[]): Opened => {
  const ranges = texts.map((text) => {
    const at = text.lastIndexOf(':')
    return { list: blockListOf(text.slice(0, at)), port: Number(text.slice(at + 1)) }
  })
  return {
    address: (address, port) => ranges.some((range) => range.port === port && isInList(range.list, address)),
  }
}

export type Resolve = (name: string) => Promise<readonly string[]>

export const resolveName: Resolve = async (name) =>
  (await lookupDns(name, { all: true, verbatim: true })).map(({ address }) => address)

export type Reach = {
  readonly opened: Opened
  readonly resolve: Resolve
  /** PEM of the authorities that are believed; null: those that Node brings. */
  readonly authorities: string | null
  readonly timeoutMs?: number
  readonly stopping?: AbortSignal
}

export type Sent = {
  readonly tookMs: number
  readonly response: number | null
  /** A word of ours, when there is no response. */
  readonly problem: Problem | null
  /** The first bytes as text that the tables take; never more than their bound. */
  readonly answer: string | null
}

export type Problem =
  | 'address-refused'
  | 'http-refused'
  | 'name-not-found'
  | 'connection-failed'
  | 'tls-failed'
  | 'timeout'
  /** By the vault, which has no keys for it. */
  | 'not-signed'

/** Where it goes, or why it may not. Looked at again for every try. */
export const post = async (
  reach: Reach,
  target: {
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  },
): Promise<Sent> => {
  const begun = performance.now()
  const deadline = AbortSignal.timeout(reach.timeoutMs ?? limits.webhooks.sendMs)
  const signal = reach.stopping === undefined ? deadline : AbortSignal.any([deadline, reach.stopping])
  const took = () => Math.round(performance.now() - begun)
  try {
    const url = new URL(target.url)
    const place = await judge(reach, url, signal)
    if ('problem' in place) return { ...none, tookMs: took(), problem: place.problem }
    const answer = await exchange({ ...target, ...place, url, signal, authorities: reach.authorities })
    return { ...none, ...answer, tookMs: took() }
  } catch (error) {
    return { ...none, tookMs: took(), problem: signal.aborted ? 'timeout' : problemOf(error) }
  }
}

const none = { response: null, problem: null, answer: null } as const

type Place = { readonly addresses: readonly string[] } | { readonly problem: Problem }

/** All addresses of the name have to be fit: one that is not says that somebody tries something. */
const judge = async ({ opened, resolve }: Reach, url: URL, signal: AbortSignal): Promise<Place> => {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const found =
    isIP(host) === 0
      ? await within(
          signal,
          resolve(host).catch(() => []),
        )
      : [host]
  if (found.length === 0) return { problem: 'name-not-found' }
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const own = ownAddresses()
  const isOpened = (address: string | null) => address !== null && opened.address(address, port)
  const isPublic = (address: string | null) =>
    address !== null && rangeOf(address) === null && !own.has(address)
  const addresses = found.map(normalizeAddress)
  if (!addresses.every((address) => isPublic(address) || isOpened(address)))
    return { problem: 'address-refused' }
  // Open text is for addresses that the operator has named.
  if (url.protocol !== 'https:' && !addresses.every(isOpened)) return { problem: 'http-refused' }
  return { addresses: addresses.filter((address) => address !== null) }
}

const ownAddresses = (): ReadonlySet<string | null> =>
  new Set(
    Object.values(networkInterfaces()).flatMap((each = []) =>
      each.map(({ address }) => normalizeAddress(address)),
    ),
  )

/** The DNS of Node cannot be called back; nobody waits for it longer than the deadline. */
const within = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
  })

type Exchange = {
  readonly url: URL
  readonly addresses: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
  readonly authorities: string | null
}

const exchange = async ({ url, addresses, headers, body, signal, authorities }: Exchange) => {
  // One after the other, until one of them takes the connection.
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const lookup: LookupFunction = (_name, _options, done) => done(null, found)
  const options = {
    method: 'POST',
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    // A connection of its own that ends with the answer: none is kept that another name could use.
    ...{
      agent: false as const,
      lookup,
      autoSelectFamily: true,
      signal,
      maxHeaderSize: limits.webhooks.answerHeaderBytesMax,
    },
    ...(authorities === null ? {} : { ca: authorities }),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request =
      url.protocol === 'https:' ? requestHttps(url, options, resolve) : http().request(url, options, resolve)
    request.on('error', reject)
    request.end(body)
  })
  const answer = await firstBytes(response)
  return { response: response.statusCode ?? 0, answer }
}

/** What comes after the bound is not read, and an answer that stands still is what has come of it. */
const firstBytes = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= limits.webhooks.answerBytesKept) break
    }
  } catch {
    // The status has come: whatever becomes of the rest, it counts.
  } finally {
    response.destroy()
  }
  return textOf(Buffer.concat(chunks))
}

export const textOf = (bytes: Buffer): string =>
  bytes
    .subarray(0, limits.webhooks.answerBytesKept)
    .toString('utf8')
    .toWellFormed()
    .replaceAll('\0', '\u2400')
    .slice(0, limits.webhooks.answerBytesKept)
    .toWellFormed()

const problemOf = (error: unknown): Problem => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  return /CERT|SIGNATURE|SSL|TLS|ALTNAME|EPROTO/.test(code) ? 'tls-failed' : 'connection-failed'
}

/**
 * What can be said when somebody names a target; every try judges anew. A name that is not there yet may be later, but http is for
 * addresses that are known to be opened: a name that leads nowhere is not one of them.
 */
export const refusalOf = async (
  reach: Reach,
  url: URL,
): Promise<'address-refused' | 'http-refused' | null> => {
  const signal = AbortSignal.timeout(limits.webhooks.nameMs)
  const place = await judge(reach, url, signal).catch(() => null)
  const problem = place === null ? 'name-not-found' : 'problem' in place ? place.problem : null
  if (problem === 'address-refused' || problem === 'http-refused') return problem
  return problem === null || url.protocol === 'https:' ? null : 'http-refused'
}
