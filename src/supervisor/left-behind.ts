// Names of what a process of ours makes for itself and removes at its end, unless it is killed: they say whose it is, so that the next
// one knows what nobody works in any more (sweep.ts).
import { readlinkSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processBegin } from '../sys/index.ts'

/** A part of a name: this process. */
export const ownMark = (): string => markOf(process.pid)

/** Whether the process of that mark has ended. Of one that counts its processes apart, in a container that has the directory too, nobody here knows. */
export const isLeftBehind = (mark: string): boolean => {
  const [pid, , namespace] = mark.split('.')
  return namespace === ownNamespace() && mark !== markOf(Number(pid))
}

const markOf = (pid: number): string => `${pid}.${processBegin(pid) ?? 'ended'}.${ownNamespace()}`

/** `pid:[4026531836]`; empty where this system does not tell. */
const ownNamespace = (): string => {
  try {
    return readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
  } catch {
    return ''
  }
}

/** Temporary, and entered by nobody else until its maker says so. */
export const makeOwnDirectory = (kind: 'pgpass' | 'proof' | 'tls'): Promise<string> =>
  mkdtemp(join(tmpdir(), `mayfly-${kind}-${ownMark()}-`))

/** The mark in such a name; null: it is another's. */
export const markOfDirectory = (name: string): string | null =>
  /^mayfly-(?:pgpass|proof|tls)-(\d+\.\d+\.\d*)-[A-Za-z0-9]{6}$/.exec(name)?.[1] ?? null
