// What a result has to say about where it was made (performance.md §4): never a host name, user name or path.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  /** Kind of the file system that holds the data. */
  readonly fs: string
  readonly isolation: string
}

export type Origin = {
  readonly commit: string
  readonly dirty: boolean
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  /** One-minute load average before the first sample. */
  readonly load: number
}

export const describeOrigin = (repository: string, directory: string): Origin => ({
  commit: lineOf('git', '-C', repository, 'rev-parse', 'HEAD'),
  dirty: lineOf('git', '-C', repository, 'status', '--porcelain') !== '',
  machine: {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    fs: fileSystemOf(directory),
    isolation: 'namespace',
  },
  versions: {
    node: process.version,
    bubblewrap: say('bwrap', '--version'),
    git: say('git', '--version'),
    openssh: say('ssh', '-V'),
    zstd: say('zstd', '--version'),
    postgresql: say('/bin/sh', '-c', '/usr/lib/postgresql/*/bin/postgres --version'),
  },
  load: loadavg()[0] ?? 0,
})

const say = (...command: readonly string[]): string => {
  const line = lineOf(...command)
  return /\d+\.\d+(\.\d+)?/.exec(line)?.[0] ?? line
}

/** ssh says its version on standard error. */
const lineOf = (...command: readonly string[]): string => {
  try {
    const text = execFileSync('/bin/sh', ['-c', '"$@" 2>&1', 'sh', ...command], { encoding: 'utf8' })
    return text.split('\n')[0]?.trim() ?? ''
  } catch {
    return 'not here'
  }
}

/** The mount with the longest path above the directory. */
const fileSystemOf = (directory: string): string =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => ({
      at: line.split(' ')[4] ?? '',
      kind: line.slice(line.indexOf(' - ') + 3).split(' ')[0] ?? '',
    }))
    .filter(({ at }) => `${directory}/`.startsWith(at.endsWith('/') ? at : `${at}/`))
    .reduce((best, next) => (next.at.length >= best.at.length ? next : best), { at: '', kind: 'unknown' })
    .kind
