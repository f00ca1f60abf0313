// Looks for groups through what there is of a log, chunk after chunk: at once where the log is small or grows, of a large one
// when somebody asks. Runs in the worker beside the search.
import { chunksAtOnce, groupMarksMax } from '../limits.ts'
import type { ChunkKeeper } from './chunk-keeper.ts'
import type { ChunkTable } from './chunk-table.ts'
import { type GroupMark, groupMarks, groupsOf } from './groups.ts'
import type { FromStore } from './messages.ts'

type Seen = {
  readonly marks: readonly GroupMark[]
  readonly chunk: number
  readonly lines: number
  readonly bytes: number
}
const nothing: Seen = { marks: [], chunk: 0, lines: -1, bytes: -1 }

export const createGroupScan = (
  table: ChunkTable,
  chunks: ChunkKeeper,
  tell: (message: Extract<FromStore, { readonly t: 'groups' }>) => void,
) => {
  let isOn = false
  /** Since the log was forgotten last. */
  let age = 0
  let running: Promise<void> | null = null
  let isWanted = false
  let told = ''
  const seen = new Map<number, Seen>()

  const say = (state: 'looking' | 'whole' | 'not-whole') => {
    const groups = [...seen].map(([step, { marks }]) => [step, groupsOf(marks)] as const)
    const message = { t: 'groups' as const, state, groups: groups.filter(([, list]) => list.length > 0) }
    const words = JSON.stringify(message)
    if (words !== told) tell(message)
    told = words
  }
  /** The next chunk of a step, whether there was one: of the last, which may have grown, what was seen is seen anew. */
  const look = async (step: number): Promise<boolean> => {
    const before = seen.get(step) ?? nothing
    const list = table.chunksOf(step)
    const chunk = list[before.chunk]
    if (chunk === undefined) return false
    const { lines, bytes } = chunk
    if (lines === before.lines && bytes === before.bytes) {
      const hasNext = before.chunk < list.length - 1
      if (hasNext) seen.set(step, { ...before, chunk: before.chunk + 1, lines: -1, bytes: -1 })
      return hasNext
    }
    const own = age
    if (chunk.frames === null) await chunks.bring(list.slice(before.chunk, before.chunk + chunksAtOnce))
    const found = groupMarks(await chunks.textOf(list, before.chunk), chunk.firstLine)
    if (own !== age) return false
    const kept = before.marks.filter(({ line }) => line < chunk.firstLine)
    seen.set(step, { marks: [...kept, ...found].slice(0, groupMarksMax), chunk: before.chunk, lines, bytes })
    return true
  }
  const run = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false
      for (const step of table.steps()) while (await look(step));
    }
    say('whole')
  }
  const scan = (): Promise<void> => {
    if (!isOn) return Promise.resolve()
    isWanted = true
    // What could not be fetched is asked for again when somebody wants it, not with every line that comes.
    running ??= run()
      .catch(() => {
        isOn = false
        say('not-whole')
      })
      .finally(() => {
        running = null
      })
    return running
  }
  return {
    /** From now on, whatever it costs. */
    start: (): Promise<void> => {
      isOn = true
      if (running === null) say('looking')
      return scan()
    },
    /** What has come since the last look. */
    scan,
    clear: (): void => {
      age++
      seen.clear()
    },
  }
}
export type GroupScan = ReturnType<typeof createGroupScan>
