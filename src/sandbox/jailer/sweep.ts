// Ends what an earlier jailer of the same installation left (isolation.md §2.8). It goes by our own records and by our
// own cgroup parents, kills by group, and touches nothing else. Idempotent.
import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Found, SweepReport } from '../driver.ts'
import { killRounds } from '../limits.ts'
import { type Groups, groupAt } from './cgroup.ts'
import type { NestRecord, Records } from './records.ts'

export type SweepDeps = {
  readonly directory: string
  readonly groups: Groups
  readonly records: Records
  readonly isHeld: (id: string) => boolean
}

export const sweep = async (deps: SweepDeps): Promise<SweepReport> => {
  const known = new Map<string, NestRecord | null>()
  for (const name of namesIn(deps.directory)) known.set(name, null)
  for (const parent of deps.groups.parents) for (const name of namesIn(parent)) known.set(name, null)
  for (const record of deps.records.all()) known.set(record.id, record)
  const lost = [...known].filter(([id]) => /^[a-z2-7]{8}$/.test(id) && !deps.isHeld(id))
  const reports = await Promise.all(lost.map(([id, record]) => sweepOne(deps, id, record)))
  return {
    removed: reports.flatMap((report) => report.removed),
    stuck: reports.flatMap((report) => report.stuck),
  }
}

const sweepOne = async (deps: SweepDeps, id: string, record: NestRecord | null): Promise<SweepReport> => {
  // Our own group may be another one than in the life before: the record knows where the nest's groups were.
  const group = groupAt([...new Set([...deps.groups.directoriesOf(id), ...(record?.groups ?? [])])])
  const removed: Found[] = []
  const stuck: (Found & { why: string })[] = []
  for (let round = 0; round < killRounds * 10 && group.processes().length > 0; round++) {
    for (const pid of group.processes()) removed.push({ kind: 'process', id: String(pid) })
    await group.kill()
    await sleep(20)
  }
  for (const pid of group.processes()) stuck.push({ kind: 'process', id: String(pid), why: 'outlives KILL' })
  const groupsThere = group.directories.some(existsSync)
  if (!(await group.remove())) stuck.push({ kind: 'cgroup', id, why: 'not empty' })
  else if (groupsThere) removed.push({ kind: 'cgroup', id })
  const directory = join(deps.directory, id)
  const why = existsSync(directory) ? removeDirectory(directory) : null
  if (why === '') removed.push({ kind: 'dir', id })
  else if (why !== null) stuck.push({ kind: 'mount', id, why })
  if (stuck.length === 0) deps.records.drop(id)
  return { removed, stuck }
}

/** Empty when it worked. */
const removeDirectory = (directory: string): string => {
  try {
    rmdirSync(directory)
    return ''
  } catch (error) {
    return String(error)
  }
}

const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}
