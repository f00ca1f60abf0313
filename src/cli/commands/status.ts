// `mayfly status`: how the installation is, in words or as the API's object. When its server does not answer, the
// supervisor's own roster still says which programs run: that is when one wants to know.
import { isFault } from '../../base/faults.ts'
import type { Process, SystemStatus } from '../../protocol/api/shapes.ts'
import { parseRoster, type RosterProcess } from '../../protocol/roster.ts'
import { connect } from '../api/connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

export const status = async (around: Surroundings, flags: { readonly json?: boolean }): Promise<number> => {
  const found = await lookAt(around)
  if (flags.json) around.stdout.write(`${JSON.stringify(found)}\n`)
  else print(around, found)
  return found.healthy ? exitCodes.success : exitCodes.failed
}

const lookAt = async (around: Surroundings): Promise<SystemStatus> => {
  try {
    return await (await connect(around)).call('status', {})
  } catch (error) {
    const roster = parseRoster((await around.roster()) ?? '')
    // Nothing runs here, or somebody else's installation was meant.
    if (!isFault(error) || !error.row.retryable || roster === null) throw error
    const processes = [
      { name: 'supervisor', state: 'running', restarts: 0, last_end: null, ...roster.supervisor } as const,
      ...roster.processes,
    ].map(fromRoster)
    if (processes[0]?.status === 'down') throw error
    const server = { name: 'server', status: 'down', detail: error.public, mend: 'mayfly restart' } as const
    return {
      ...{ version: around.version, healthy: false, components: [server], processes },
      ...{ disks: [], queue: null, backup: null },
    }
  }
}

const fromRoster = (row: RosterProcess): Process => {
  const runs = row.state === 'running' && row.pid !== null && isAlive(row.pid)
  return {
    ...{
      name: row.name,
      status: runs ? 'ok' : 'down',
      pid: row.pid,
      since: row.since,
      restarts: row.restarts,
    },
    memory_bytes: null,
    detail: runs ? 'runs' : `is away${row.last_end === null ? '' : `, ended with ${row.last_end}`}`,
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const print = (around: Surroundings, found: SystemStatus): void => {
  const out = around.stdout
  const paint = paintFor(around, out)
  const title = (text: string) =>
    out.isTerminal ? out.write(inertText`\n${paint('bold', text)}\n`) : undefined
  out.write(
    inertText`${found.healthy ? 'Everything works' : 'Something needs attention'}  (version ${found.version})\n`,
  )
  title('Parts')
  writeTable(
    out,
    ['STATUS', 'PART', 'FOUND', 'MEND'],
    found.components.map((each) => [
      statusWord(paint, each.status),
      each.name,
      each.detail,
      each.mend === null || each.status === 'ok' ? '' : each.mend,
    ]),
  )
  if (found.processes.length === 0) return
  title('Processes')
  writeTable(
    out,
    ['STATUS', 'PROCESS', 'PID', 'RUNS FOR', 'RESTARTS', 'MEMORY'],
    found.processes.map((each) => [
      statusWord(paint, each.status),
      each.name,
      each.pid === null ? '-' : String(each.pid),
      duration(Math.max(0, around.clock.now() - Date.parse(each.since))),
      String(each.restarts),
      each.memory_bytes === null ? '-' : `${Math.round(each.memory_bytes / 1024 ** 2)} MiB`,
    ]),
  )
}
