// What source hosts and other tools told the installation, and what came of it: list, view, replay.
import { fault } from '../../base/faults.ts'
import type { Delivery, Project } from '../../protocol/api/shapes.ts'
import { connect } from '../api/connect.ts'
import { findProject } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import { paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string }

export const listDeliveries = async (
  around: Surroundings,
  flags: Flags & {
    readonly verdict?: Delivery['verdict']
    readonly source?: Delivery['source']
    readonly branch?: string
    readonly limit: string
  },
): Promise<number> => {
  const api = await connect(around)
  const project = flags.project ?? (await findProject(around, api))
  const { verdict, source, branch: ref, limit } = flags
  const page = await api.call('deliveries', { query: { project, verdict, source, ref, limit } })
  if (flags.json) {
    around.stdout.write(`${JSON.stringify(page)}\n`)
    return 0
  }
  writeTable(
    around.stdout,
    ['ID', 'RECEIVED', 'PROJECT', 'BY', 'REF', 'COMMIT', 'VERDICT', 'RUN', 'WHY'],
    page.items.map((each) => [
      ...[each.id, each.received_at, each.project.name, each.source, each.ref ?? '-'],
      ...[
        each.new?.slice(0, 10) ?? '-',
        each.verdict,
        each.run === null ? '-' : `#${each.run.number}`,
        whyOf(each),
      ],
    ]),
  )
  if (project !== undefined)
    around.stderr.write(refusedText(await api.call('project', { params: { project } })))
  return 0
}

/** Calls that are no deliveries: nobody read them. */
const refusedText = ({ name, hook: { refused_calls: refused } }: Project): string =>
  refused === null
    ? ''
    : inertText`${refused.calls} calls of the hook of ${name} came too fast and were not read, the last one ${refused.last_at}\n`

export const viewDelivery = async (around: Surroundings, flags: Flags, id: string): Promise<number> => {
  const delivery = await (await connect(around)).call('delivery', { params: { delivery: checked(id) } })
  return write(around, flags, delivery)
}

export const replayDelivery = async (around: Surroundings, flags: Flags, id: string): Promise<number> => {
  const api = await connect(around)
  return write(
    around,
    flags,
    await api.call('deliveryReplay', { params: { delivery: checked(id) }, body: {} }),
  )
}

const checked = (id: string): string => {
  if (/^dlv_[0-9a-v]{26}$/.test(id)) return id
  throw fault('E_INPUT', { public: `"${id}" is no delivery: mayfly deliveries list shows their ids` })
}

/** A run that came to nothing says more than that it was started. */
const whyOf = ({ reason, run }: Delivery): string =>
  run === null || run.headline === null ? reason : `${reason}; ${run.headline}`

const write = (around: Surroundings, flags: Flags, delivery: Delivery): number => {
  if (flags.json) {
    around.stdout.write(`${JSON.stringify(delivery)}\n`)
    return 0
  }
  const { run, ref, old, new: commit, pull_request: pull } = delivery
  const paint = paintFor(around, around.stdout)
  const rows: readonly (readonly [string, string | null])[] = [
    ['delivery', delivery.id],
    ['project', delivery.project.name],
    ['received', delivery.received_at],
    ['sent', delivery.sent_at],
    ['told by', delivery.source],
    ['replay of', delivery.replay_of],
    ['replayed by', delivery.replayed_by?.name ?? null],
    ['ref', ref],
    ['pull request', pull && `#${pull.number}  ${pull.title ?? ''}  ${pull.url}`.replace(/ {4,}/, '  ')],
    ['commit', old === null ? commit : `${old.slice(0, 10)} to ${commit}`],
    ['verdict', delivery.verdict],
    ['why', delivery.reason],
    [
      'run',
      run === null
        ? null
        : `#${run.number}  ${statusWord(paint, run.status)}  ${run.headline ?? ''}`.trimEnd(),
    ],
  ]
  for (const [name, value] of rows)
    if (value !== null) around.stdout.write(inertText`${name.padEnd(14)}${value}\n`)
  return 0
}
