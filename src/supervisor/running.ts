// Which process is the supervisor of an installation: the one its lock names, if that one still is a supervisor.
import { readFile } from 'node:fs/promises'
import type { Layout } from './layout.ts'

/** null when none runs; a number that another program has by now is none. */
export const findSupervisor = async ({ lock }: Layout): Promise<number | null> => {
  const pid = Number((await readFile(lock, 'utf8').catch(() => '')).trim())
  return pid > 1 && isSupervisor(await commandLine(pid)) ? pid : null
}

const commandLine = (pid: number): Promise<string> => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
const isSupervisor = (line: string): boolean => line.split('\0').includes('up')
