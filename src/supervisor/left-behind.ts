// Names of what a process of ours makes for itself and removes at its end, unless it is killed: they say whose it is, so that the next
// one knows what nobody works in any more.
import { processBegin } from '../sys/index.ts'

/** A part of a name: this process. */
export const ownMark = (): string => markOf(process.pid)

/** Whether the process of that mark has ended. */
export const isLeftBehind = (mark: string): boolean => mark !== markOf(Number.parseInt(mark, 10))

const markOf = (pid: number): string => `${pid}.${processBegin(pid) ?? 'ended'}`
