// The processes of one installation, from /proc: which part each is, which nest it lives in, and every one that was ever
// seen, so that afterwards it can be asked for. Parents that are killed leave orphans: who was seen once is not forgotten.
import { readdirSync, readFileSync } from 'node:fs'

export const parts = [
  'server',
  'vault',
  'runner',
  'database',
  'backend',
  'jailer',
  'maker',
  'sandbox',
] as const
export type Part = (typeof parts)[number]

export type Process = {
  readonly pid: number
  readonly parent: number
  /** In ticks since the start of the machine: tells it from a later process of the same number. */
  readonly since: string
  readonly line: string
  /** The control group of a nest; null outside of nests. */
  readonly nest: string | null
}

export type Census = {
  /** Those of the installation that live now. */
  readonly look: () => readonly Process[]
  /** Those that were ever seen and live still. */
  readonly survivors: () => readonly Process[]
}

/** `installation` is what its control groups are named after. */
export const createCensus = (installation: string, root: () => number): Census => {
  const known = new Map<string, Process>()
  const keyOf = ({ pid, since }: Process) => `${pid} ${since}`
  const look = () => {
    const all = listProcesses(installation)
    const ours = all.filter(
      (process) => process.pid === root() || process.nest !== null || known.has(keyOf(process)),
    )
    const pids = new Set(ours.map(({ pid }) => pid))
    for (let grown = true; grown; ) {
      const children = all.filter(({ pid, parent }) => pids.has(parent) && !pids.has(pid))
      for (const child of children) pids.add(child.pid)
      ours.push(...children)
      grown = children.length > 0
    }
    for (const process of ours) known.set(keyOf(process), process)
    return ours
  }
  return {
    look,
    survivors: () => listProcesses(installation).filter((process) => known.has(keyOf(process))),
  }
}

const patterns: Readonly<Record<Exclude<Part, 'sandbox'>, RegExp>> = {
  server: /\/node .*\/server\.js/,
  vault: /\/node .*\/vault\.js/,
  runner: /\/node .*\/runner\.js/,
  jailer: /\/node .*\/jailer\.js/,
  maker: /^mayfly-maker/,
  database: /\/postgres -D /,
  backend: /^postgres: mayfly /,
}

/** A sandbox is what lives in its nest, the job's own programs too, and the process that holds the nest from outside. */
export const isPart = (part: Part, { nest, line }: Process): boolean => {
  if (part === 'sandbox') return nest !== null || line.startsWith('mayfly-nest ')
  return nest === null && patterns[part].test(line)
}

const listProcesses = (installation: string): Process[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => readProcess(Number(name), installation) ?? [])

const readProcess = (pid: number, installation: string): Process | null => {
  const stat = readQuietly(pid, 'stat')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie waits for its parent only: nothing of it is left but its number.
  if (stat === '' || fields[0] === 'Z' || fields[0] === 'X') return null
  const nest = new RegExp(`/mayfly-${installation}/([^/\n]+)`).exec(readQuietly(pid, 'cgroup'))?.[1]
  return {
    pid,
    parent: Number(fields[1]),
    since: fields[19] ?? '',
    line: readQuietly(pid, 'cmdline').replaceAll('\0', ' ').trim(),
    nest: nest ?? null,
  }
}

/** Of the environment that it was started with. */
export const variableOf = (pid: number, name: string): string | null =>
  readQuietly(pid, 'environ')
    .split('\0')
    .find((entry) => entry.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? null

const readQuietly = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
