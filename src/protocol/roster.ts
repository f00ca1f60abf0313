// The roster: what the supervisor says of the programs it keeps, as a file in the run directory that only it writes.
// The server shows it on the status page; `mayfly status` reads it itself when no server answers.
import {
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseShape,
  type Shaped,
  text,
} from '../base/shape.ts'

const pid = integer({ min: 1, max: 2 ** 31 })
const time = text({ max: 32 })
const name = text({ max: 64 })

const rosterProcess = object({
  name,
  /** null while it is away. */
  pid: nullable(pid),
  state: oneOf('running', 'starting'),
  /** RFC 3339: of this state. */
  since: time,
  restarts: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  /** How it ended last, `exit code 1` or `SIGKILL`; null: it never did. */
  last_end: nullable(name),
})
const roster = object({
  supervisor: object({
    pid,
    since: time,
    /** Where its server tells metrics; null: nowhere. A supervisor from before did not say. */
    metrics_port: optional(nullable(integer({ min: 1, max: 65_535 }))),
  }),
  processes: list(rosterProcess, { max: 64 }),
})

export type RosterProcess = Shaped<typeof rosterProcess>
export type Roster = Shaped<typeof roster>

/** null: no roster of ours. */
export const parseRoster = (content: string): Roster | null => {
  try {
    const parsed = parseShape(roster, JSON.parse(content))
    return parsed.ok ? parsed.value : null
  } catch {
    return null
  }
}
