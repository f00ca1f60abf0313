// The log of one attempt beside the page: compressed chunks, some of them as lines, the rest on the server. Gives pages of
// lines and looks for text. Runs in log.worker.ts and in tests.
import type { LogChunk } from '../../protocol/api/shapes.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import { compileQuery, matchingLines, type Query } from '../../protocol/terminal/search.ts'
import { chunksAtOnce, decodedChunks, matchesMax, pageLines, wholeLogBytes } from '../limits.ts'
import { type ChunkKeeper, createChunkKeeper, type FetchFrames, StaleIndex } from './chunk-keeper.ts'
import { type Chunk, type ChunkTable, createChunkTable } from './chunk-table.ts'
import { type BookLine, type OpenChunk, openChunk } from './decode.ts'
import { createGroupScan } from './group-scan.ts'
import type { FromStore, LineAt } from './messages.ts'

export type StoreDeps = {
  readonly fetchFrames: FetchFrames
  readonly tell: (message: Exclude<FromStore, { readonly t: 'fetch' }>) => void
}

export const createLogStore = ({ fetchFrames, tell }: StoreDeps) => {
  const table = createChunkTable()
  /** Whether something stands behind the last line end of a step, as far as it was looked at. */
  const tails = new Map<number, boolean>()
  /** Steps that frames came for since the last look. */
  const grown = new Set<number>()
  const chunks = createChunkKeeper(fetchFrames)
  const decoded = createDecoder(table, chunks)
  const groups = createGroupScan(table, chunks, tell)

  const lineCount = (step: number): number => {
    const ended = table.endedLines(step)
    const hasTail = tails.get(step) ?? (ended === 0 && table.chunksOf(step).length > 0)
    return ended + (hasTail ? 1 : 0)
  }
  const tellCounts = () =>
    tell({
      t: 'counts',
      counts: table.steps().map((step) => [step, lineCount(step)] as const),
      missing: table.missing(),
    })

  const lookAtTail = async (step: number): Promise<void> => {
    const last = table.chunksOf(step).length - 1
    const { tail } = await decoded.at(step, last)
    tails.set(step, tail !== null)
  }

  return {
    addIndex: async (index: readonly LogChunk[], isAnew: boolean): Promise<void> => {
      if (isAnew) {
        table.clear()
        tails.clear()
        decoded.clear()
        groups.clear()
      }
      const isFirst = table.lastSeq === 0
      if (!table.addIndex(index)) return tell({ t: 'stale' })
      for (const { step } of index) tails.delete(step)
      const bytes = index.reduce((sum, chunk) => sum + chunk.bytes, 0)
      const isSmall = isFirst && bytes <= wholeLogBytes
      if (isSmall && index.length > 0) {
        const frames = await fetchFrames({ step: null, after: 0, until: table.lastSeq }).catch(() => [])
        chunks.fill(table.steps().flatMap(table.chunksOf), frames)
        for (const step of table.steps()) await lookAtTail(step).catch(() => undefined)
      }
      // Before the counts: what is folded from the start is never drawn open.
      await (isSmall ? groups.start() : groups.scan())
      tellCounts()
    },
    /** The counts are told by `settle`, once for all that came meanwhile. */
    addFrame: (frame: FollowerFrame): void => {
      if (table.overlaps(frame)) {
        tell({ t: 'stale' })
        return
      }
      const chunk = table.addFrame(frame)
      if (chunk === null) return
      decoded.forget(chunk)
      grown.add(frame.step)
      chunks.note(chunk)
    },
    settle: async (): Promise<void> => {
      const steps = [...grown]
      grown.clear()
      for (const step of steps) await lookAtTail(step).catch(() => undefined)
      await groups.scan()
      tellCounts()
    },
    findGroups: groups.start,
    page: async (step: number, page: number): Promise<void> => {
      const from = page * pageLines + 1
      const before = lineCount(step)
      try {
        const to = Math.min(from + pageLines - 1, table.endedLines(step) + 1)
        const { lines, hasTail } = await readLines(table, decoded, { step, from, to })
        if (hasTail !== null) tails.set(step, hasTail)
        tell({ t: 'page', step, page, lines })
      } catch (error) {
        tell({ t: 'page', step, page, lines: null })
        if (error instanceof StaleIndex) tell({ t: 'stale' })
      }
      if (lineCount(step) !== before) tellCounts()
    },
    find: createFinder(table, chunks, tell),
  }
}
export type LogStore = ReturnType<typeof createLogStore>

type LineRange = { readonly step: number; readonly from: number; readonly to: number }

/** `hasTail`: whether something stands behind the last line end; null when the range does not reach there. */
const readLines = async (table: ChunkTable, decoded: Decoder, { step, from, to }: LineRange) => {
  const lines: (BookLine | null)[] = []
  const list = table.chunksOf(step)
  for (let line = from; line <= to; ) {
    const at = table.find(step, line)
    const chunk = list[at]
    if (chunk === undefined) {
      lines.push(null)
      line++
      continue
    }
    const open = await decoded.at(step, at)
    const last = Math.min(to, chunk.firstLine + chunk.lines - 1)
    if (line <= last) lines.push(...open.lines(line, last))
    line = Math.max(line, last + 1)
    if (at < list.length - 1) continue
    if (line <= to && open.tail !== null) lines.push(open.tail)
    return { lines, hasTail: open.tail !== null }
  }
  return { lines, hasTail: null }
}

/** Only the newest search goes on. */
const createFinder = (table: ChunkTable, chunks: ChunkKeeper, tell: StoreDeps['tell']) => {
  let newest = 0
  return async (id: number, query: Query): Promise<void> => {
    newest = id
    const pattern = compileQuery(query)
    const matches: LineAt[] = []
    let missed = 0
    const say = (searched: number) =>
      tell({
        ...{ t: 'found', id, matches: matches.slice(0, matchesMax), searched, missed },
        isValid: pattern !== null,
      })
    const all = table
      .steps()
      .flatMap((step) => table.chunksOf(step).map((chunk, at) => ({ step, chunk, at })))
    for (const [done, { step, chunk, at }] of all.entries()) {
      if (pattern === null || matches.length >= matchesMax) break
      const list = table.chunksOf(step)
      if (chunk.frames === null) await chunks.bring(list.slice(at, at + chunksAtOnce)).catch(() => undefined)
      const text = await chunks.textOf(list, at).catch(() => null)
      if (newest !== id) return
      if (text === null) {
        missed++
        continue
      }
      for (const line of matchingLines(text, chunk.firstLine, pattern))
        if (matches.at(-1)?.line !== line || matches.at(-1)?.step !== step) matches.push({ step, line })
      say((done + 1) / (all.length + 1))
    }
    say(1)
  }
}

/** Chunks as lines, those that were wanted last. */
const createDecoder = (table: ChunkTable, chunks: ChunkKeeper) => {
  const known = new Map<Chunk, Promise<OpenChunk>>()
  const decode = async (chunk: Chunk, at: number): Promise<OpenChunk> =>
    openChunk(await chunks.rawOf(chunk), await chunks.carryInto(table.chunksOf(chunk.step), at))
  return {
    at: (step: number, at: number): Promise<OpenChunk> => {
      const chunk = table.chunksOf(step)[at]
      if (chunk === undefined) return Promise.resolve({ lines: () => [], tail: null })
      const lines = known.get(chunk) ?? decode(chunk, at)
      known.delete(chunk)
      known.set(chunk, lines)
      lines.catch(() => known.delete(chunk))
      const oldest = known.keys().next().value
      if (known.size > decodedChunks && oldest !== undefined) known.delete(oldest)
      return lines
    },
    forget: (chunk: Chunk): void => void known.delete(chunk),
    clear: (): void => known.clear(),
  }
}
type Decoder = ReturnType<typeof createDecoder>
