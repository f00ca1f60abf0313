// The processes of this installation, as its supervisor says (protocol/roster.ts) and the kernel knows.
import { readFile } from 'node:fs/promises'
import type { Process } from '../../protocol/api/shapes.ts'
import { parseRoster, type RosterProcess } from '../../protocol/roster.ts'
import { limits } from '../limits.ts'
import type { Finding } from './checks.ts'
import { span } from './words.ts'

const pageBytes = 4096

/** Empty where no supervisor of ours keeps the server. */
export const readProcesses = async (rosterFile: string | null, now: number): Promise<readonly Process[]> => {
  const roster = rosterFile === null ? null : parseRoster(await readFile(rosterFile, 'utf8'))
  if (roster === null) return []
  const supervisor = { name: 'supervisor', state: 'running', restarts: 0, last_end: null } as const
  return Promise.all(
    [{ ...supervisor, ...roster.supervisor }, ...roster.processes].map(async (row) => ({
      name: row.name,
      status: statusOf(row, now),
      pid: row.pid,
      since: row.since,
      restarts: row.restarts,
      memory_bytes: row.pid === null ? null : await residentBytes(row.pid),
      detail: detailOf(row, now),
    })),
  )
}

const isRestless = (row: RosterProcess, now: number): boolean =>
  row.restarts > 0 && now - Date.parse(row.since) < limits.restlessMs

const statusOf = (row: RosterProcess, now: number): Process['status'] => {
  if (row.state !== 'running') return 'down'
  return isRestless(row, now) ? 'weak' : 'ok'
}

const detailOf = (row: RosterProcess, now: number): string => {
  const since = span(now - Date.parse(row.since))
  const end = row.last_end === null ? '' : `, ended last with ${row.last_end}`
  if (row.state !== 'running') return `is started again, away for ${since}${end}`
  const times = row.restarts === 1 ? 'once' : `${row.restarts} times`
  return row.restarts === 0 ? `runs for ${since}` : `runs for ${since}, started again ${times}${end}`
}

export const judgeProcesses = (processes: readonly Process[]): Finding => {
  const [worst] = [...processes.filter(isDown), ...processes.filter(({ status }) => status === 'weak')]
  if (worst === undefined) return { status: 'ok', detail: `${processes.length} run` }
  const mend = 'mayfly down, then mayfly up --verbose: what its programs log says why'
  return { status: worst.status, detail: `${worst.name} ${worst.detail}`, mend }
}

const isDown = ({ status }: Process): boolean => status === 'down'

const residentBytes = async (pid: number): Promise<number | null> => {
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')
  const pages = Number(statm.split(' ')[1])
  return Number.isSafeInteger(pages) ? pages * pageBytes : null
}
