// `mayfly audit list`: who did what, newest first.
import { fault } from '../../base/faults.ts'
import type { AuditEntry } from '../../protocol/api/audit-routes.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly action?: string
  readonly actor?: string
  readonly target?: string
  readonly project?: string
  readonly result?: AuditEntry['result']
  readonly since?: string
  readonly until?: string
  readonly limit: string
  readonly json?: boolean
}

const pageItems = 100
/** With a filter a page may be empty and have one after it. */
const pagesMax = 100
const entriesMax = 10_000

export const listAudit = async (around: Surroundings, flags: Flags): Promise<number> => {
  if (!/^[1-9]\d{0,4}$/.test(flags.limit) || Number(flags.limit) > entriesMax)
    throw fault('E_INPUT', { public: `--limit takes a number from 1 to ${entriesMax}` })
  const found = await gather(around, await connect(around), flags)
  if (flags.json === true) around.stdout.write(`${JSON.stringify(found)}\n`)
  else writeEntries(around, found.items)
  return 0
}

const gather = async (
  around: Surroundings,
  api: ApiClient,
  flags: Flags,
): Promise<{ readonly items: readonly AuditEntry[]; readonly next_cursor: string | null }> => {
  const { action, actor, target, project, result, since, until } = flags
  const filters = { action, actor, target, project, result, since, until }
  const items: AuditEntry[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < pagesMax; pages++) {
    const limit = Math.min(pageItems, Number(flags.limit) - items.length)
    const page = await api.call('audit', { query: { ...filters, limit, cursor } })
    items.push(...page.items)
    if (page.next_cursor === null || items.length >= Number(flags.limit))
      return { items, next_cursor: page.next_cursor }
    cursor = page.next_cursor
  }
  around.stderr.write('mayfly: the log is longer, and the rest was not looked at: narrow it with --until\n')
  return { items, next_cursor: cursor ?? null }
}

const writeEntries = ({ stdout }: Surroundings, entries: readonly AuditEntry[]): void =>
  writeTable(
    stdout,
    ['AT', 'WHO', 'DID', 'TO', 'PROJECT', 'RESULT', 'FACTS'],
    entries.map(({ at, actor, action, target, project, result, code, facts }) => [
      at,
      actor.kind === 'user' ? actor.name : `${actor.kind} ${actor.name}`,
      ...[action, target, project?.name ?? '-'],
      code === null ? result : `${result} ${code}`,
      Object.entries(facts)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ]),
  )
