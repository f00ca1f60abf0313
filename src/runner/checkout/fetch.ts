// Fetches one commit of a source, and looks where one stands. Of a remote one the cell itself stays behind with its connection, for the next fetch of
// the same project (docs/decisions/0015), else one with everything but key and connection (0011): building it takes longer than
// everything around the connection.
import type { Clock } from '../../base/clock.ts'
import { openCommit, type Source } from '../../protocol/runner-wire.ts'
import { openMs, packBytesMax } from '../limits.ts'
import { type SourceFailure, tooLarge } from './explain.ts'
import { type FetchedCommit, parseFetched } from './fetched.ts'
import { fetchScript } from './git-scripts.ts'
import { type Connected, createKeptConnections } from './kept-connections.ts'
import { publicHalf } from './public-half.ts'
import { openSourceCell, type Print, refuseSource, type SourceDeps, type SourceKey } from './source-cell.ts'
import { createSourceStandby } from './source-standby.ts'

export type FetchWant = {
  readonly attempt: string
  readonly project: string
  readonly source: Source
  readonly key: SourceKey | null
  readonly ref: string
  readonly commit: string
  /** 0: the whole history of the ref. */
  readonly depth: number
}

/** `end`: as in source-cell.ts, or the cell is kept with its connection. */
export type Fetched =
  | { readonly ok: true; readonly fetched: FetchedCommit; readonly end: () => Promise<unknown> }
  | SourceFailure

/** Where a commit stands on a ref of the source now; null: nowhere. `tip`: what the ref leads to. */
export type Standing =
  | {
      readonly ok: true
      readonly standing: { readonly tip: string; readonly isTip: boolean } | null
      readonly end: () => Promise<unknown>
    }
  | SourceFailure

export interface Fetchers {
  fetch(want: FetchWant, print: Print, signal: AbortSignal): Promise<Fetched>
  standing(want: Omit<FetchWant, 'depth'>, print: Print, signal: AbortSignal): Promise<Standing>
  /** Whether a connection for exactly this waits for the next fetch. */
  keeps(of: Owner): boolean
  close(): Promise<void>
}

/** Whose connection it is: nobody else ever gets it. */
export type Owner = Pick<FetchWant, 'project' | 'source' | 'key'>

export type FetchersDeps = SourceDeps & {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** How old a connection gets that waits for the next fetch. */
  readonly keepMs: number
  readonly onStuck: (error: unknown) => void
  /** Of one fetch; default: `packBytesMax`. */
  readonly bytesMax?: number
}

export const createFetchers = (deps: FetchersDeps): Fetchers => {
  const { bytesMax = packBytesMax } = deps
  const kept = createKeptConnections(deps)
  const cellOf = (source: Source, attempt: string, signal: AbortSignal) =>
    openSourceCell(deps, { attempt, source, script: fetchScript, bytesMax }, signal)
  const waiting = createSourceStandby({
    ...{ what: 'fetch cell', log: deps.log },
    open: (source) => cellOf(source, 'fetch', AbortSignal.timeout(openMs)),
  })
  const takeWaiting = async (source: Source) => {
    const cell = source.kind === 'ssh' ? await waiting.take(source) : null
    if (cell === null || cell.isAlive()) return cell
    await cell.close()
    return null
  }
  const takeNew = async (
    { source, attempt }: Pick<FetchWant, 'source' | 'attempt'>,
    signal: AbortSignal,
  ): Promise<Connected> => {
    const cell = (await takeWaiting(source)) ?? (await cellOf(source, attempt, signal))
    return { cell, untilMs: deps.clock.monotonicMs() + deps.keepMs }
  }
  const askIn = async <T>(connected: Connected, asked: Asked<T>, print: Print, signal: AbortSignal) => {
    const { key, lines, name, parse } = asked
    const answer = await connected.cell.ask({ key, lines, print }, signal)
    if (!answer.ok) return answer
    const value = answer.isWhole ? parse(answer.bytes) : null
    if (value === null) {
      await answer.end()
      return answer.isWhole ? nonsense : tooLarge
    }
    const end = name === null ? answer.end : () => kept.keep(name, connected)
    return { ok: true, value, end } as const
  }
  const ask = async <T>(asked: Asked<T>, print: Print, signal: AbortSignal) => {
    const refused = refuseSource(deps, asked.source)
    if (refused !== null) return refused
    const connected = asked.name === null ? null : kept.take(asked.name)
    // A connection may have died while it waited: what a kept one does not bring, a new one is asked for.
    const found = connected === null ? null : await askIn(connected, asked, () => undefined, signal)
    return found?.ok ? found : askIn(await takeNew(asked, signal), asked, print, signal)
  }
  return {
    fetch: async (given, print, signal) => {
      const lines = orderOf(given)
      if (lines === null) return nonsense
      const parse = (bytes: Uint8Array) => {
        const fetched = parseFetched(bytes)
        return given.commit === openCommit || fetched?.commit === given.commit ? fetched : null
      }
      const found = await ask({ ...given, lines, parse, name: nameOf(given) }, print, signal)
      return found.ok ? { ok: true, fetched: found.value, end: found.end } : found
    },
    standing: async (given, print, signal) => {
      const lines = orderOf({ ...given, depth: 0 })
      if (lines === null) return nonsense
      const parse = (bytes: Uint8Array) => parseStanding(bytes, given.commit)
      const asked = { ...given, lines: [...lines, 'what standing'], parse, name: nameOf(given) }
      const found = await ask(asked, print, signal)
      return found.ok ? { ok: true, standing: found.value.standing, end: found.end } : found
    },
    keeps: (of) => {
      const name = nameOf(of)
      return name !== null && kept.holds(name)
    },
    close: async () => void (await Promise.all([waiting.close(), kept.close()])),
  }
}

/** `name`: of the connection it may use and leave; null for none. `parse`: null for what makes no sense. */
type Asked<T> = Pick<FetchWant, 'attempt' | 'source' | 'key'> & {
  readonly lines: readonly string[]
  readonly name: string | null
  readonly parse: (bytes: Uint8Array) => T | null
}

/** Hostile bytes. That a commit is the tip is for the ids to say, not for the word. */
const parseStanding = (bytes: Uint8Array, commit: string) => {
  const text = Buffer.from(bytes.subarray(0, 100)).toString('latin1')
  if (text === 'gone\n') return { standing: null }
  const [, word, tip = ''] = /^(tip|ancestor|apart) ([0-9a-f]{40}|[0-9a-f]{64})\n$/.exec(text) ?? []
  if (word === undefined || (word === 'tip') !== (tip === commit)) return null
  return { standing: word === 'apart' ? null : { tip, isTip: word === 'tip' } }
}

/** null: no connection, or none that could be kept. */
const nameOf = ({ project, source, key }: Owner): string | null => {
  if (source.kind !== 'ssh' || key === null || key.hostKeys.length === 0) return null
  const { host, port, user, path } = source
  const ours = publicHalf(key.key)
  return ours === null
    ? null
    : JSON.stringify([project, host, port, user, path, key.tier, ours, key.hostKeys])
}

/** null: a value that no line can hold. */
const orderOf = ({ ref, commit, depth }: FetchWant): readonly string[] | null =>
  /\s/.test(`${ref}${commit}`)
    ? null
    : [`ref ${ref}`, ...(commit === openCommit ? [] : [`commit ${commit}`]), `depth ${depth}`]

const nonsense: SourceFailure = {
  ok: false,
  code: 'E_SOURCE_UNREACHABLE',
  message: 'the source host gave an answer that makes no sense',
}
