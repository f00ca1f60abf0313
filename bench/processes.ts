// What a tree of processes costs: processor time and memory by program, from /proc. Memory is PSS: a page shared by n
// processes counts 1/n in each, so that the sum over all is what they take together.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export type Usage = {
  /** The process at the top. */
  readonly root: number
  readonly cpuMs: Readonly<Record<string, number>>
  readonly pssBytes: Readonly<Record<string, number>>
}

type Process = {
  readonly pid: number
  readonly parent: number
  readonly name: string
  readonly cpuMs: number
}

/** USER_HZ is 100 on every architecture Node runs on. */
const msPerTick = 10

/** `root` and everything below it; null when it is gone. */
export const usageOf = (root: number): Usage | null => {
  const tree = processTree(root)
  if (tree.length === 0) return null
  return {
    root,
    cpuMs: sumByProgram(tree, (process) => process.cpuMs),
    pssBytes: sumByProgram(tree, (process) => pssBytesOf(process.pid)),
  }
}

export const totalOf = (byProgram: Readonly<Record<string, number>>): number =>
  Object.values(byProgram).reduce((sum, value) => sum + value, 0)

/** Of all of them together; a process that ended meanwhile counts nothing. */
export const pssOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + pssBytesOf(pid), 0)

export const pidsBelow = (root: number): readonly number[] => processTree(root).map(({ pid }) => pid)

/** Below `root`, those of one program. */
export const pidsOf = (root: number, program: string): readonly number[] =>
  processTree(root).flatMap((process) => (programOf(process) === program ? [process.pid] : []))

/** Of the processes below `root`, itself included, those that run Node. */
export const countNodes = (root: number): number =>
  processTree(root).filter(({ pid }) => executableOf(pid).endsWith('/node')).length

const executableOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return ''
  }
}

const processTree = (root: number): readonly Process[] => {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => parseStat(readQuietly(`/proc/${name}/stat`)) ?? [])
  const tree = all.filter(({ pid }) => pid === root)
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid))
  return tree
}

const sumByProgram = (
  tree: readonly Process[],
  of: (process: Process) => number,
): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {}
  for (const process of tree) {
    const program = programOf(process)
    sums[program] = (sums[program] ?? 0) + of(process)
  }
  return sums
}

/** `/path/node … /path/server.js` is `server`; anything else goes by its name. */
const programOf = ({ pid, name }: Process): string => {
  const words = readQuietly(`/proc/${pid}/cmdline`).split('\0')
  const script = words.map((word) => /(?:^|\/)([a-z-]+)\.[jt]s$/.exec(word)?.[1]).find(Boolean)
  return script ?? name
}

/** proc(5): the name stands in brackets and may hold brackets; times of waited-for children are added to the own. */
export const parseStat = (text: string): Process | null => {
  const [open, close] = [text.indexOf('('), text.lastIndexOf(')')]
  if (open < 0 || close < 0) return null
  const fields = text.slice(close + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return {
    pid: Number(text.slice(0, open)),
    parent: Number(fields[1]),
    name: text.slice(open + 1, close),
    cpuMs: ticks * msPerTick,
  }
}

export const parsePss = (text: string): number => Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024

const pssBytesOf = (pid: number): number => parsePss(readQuietly(`/proc/${pid}/smaps_rollup`))

const readQuietly = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
