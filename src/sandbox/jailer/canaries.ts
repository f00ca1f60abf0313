// Values planted where only root can write, or without root beside the person's own files, and in the installation's own
// directories, for the isolation suite to look for from inside (isolation.md §12): the runner asks for them, the jailer
// alone says where. One fixed name per installation, so that what an earlier life left is found again. Nothing but random
// bytes is ever written, and nothing is followed or overwritten.
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { RandomBytes } from '../../base/clock.ts'
import type { Planted } from '../probes/host.ts'

export interface Canaries {
  /** Anew each time; a place that does not exist or is read-only has none. */
  plant(): Planted
  clear(): void
}

/** Without root what is to be kept from jobs above all is what lies at home. */
const places = (): readonly string[] => {
  const { uid, homedir } = userInfo()
  if (uid === 0) return ['/etc', '/opt', '/home', '/srv']
  return [homedir, ...['.ssh', '.config'].map((name) => join(homedir, name)), `/run/user/${uid}`]
}

/** `stateDirectories`: where this installation keeps its own. */
export const createCanaries = (
  {
    installation,
    stateDirectories,
  }: { readonly installation: string; readonly stateDirectories: readonly string[] },
  random: RandomBytes,
): Canaries => {
  const state = stateDirectories.map((place) => join(place, `mayfly-canary-${installation}`))
  const paths = [...places().map((place) => join(place, `mayfly-canary-${installation}`)), ...state]
  const clear = () => {
    for (const path of paths) rmSync(path, { force: true })
  }
  return {
    clear,
    plant: () => {
      clear()
      const value = `planted${Buffer.from(random(16)).toString('hex')}`
      const planted = paths.filter((path) => canWrite(path, value))
      return { paths: planted, state: planted.filter((path) => state.includes(path)), value }
    },
  }
}

/** Readable by everybody: only the wall may keep it from a job, not its mode. */
const canWrite = (path: string, value: string): boolean => {
  try {
    writeFileSync(path, value, { flag: 'wx' })
    chmodSync(path, 0o644)
    return true
  } catch {
    return false
  }
}
