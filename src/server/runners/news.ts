// What events of an attempt come to, and the one statement that writes it. Events are folded first: of two phases only the
// last is stored, of a step that began and ended only the end. `finish` uses the same statement for its last events.
import { type RawBuilder, sql } from 'kysely'
import type { AttemptId } from '../../base/ids.ts'
import type { AttemptEvent } from '../../protocol/runner-wire.ts'
import type { CacheHit } from '../../protocol/stored-object.ts'
import { jsonText } from '../db/json.ts'
import { storable } from '../db/storable.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'

type StepStatus = Extract<AttemptEvent, { kind: 'step-finished' }>['status'] | 'running'

/** `name` null: it began in an earlier request. */
export type StepNews = {
  readonly index: number
  readonly name: string | null
  readonly type: string | null
  readonly atMs: number
  readonly status: StepStatus
  readonly exitCode: number | null
  readonly ms: number | null
  readonly leftovers: number
  readonly message: string | null
  readonly cache: CacheHit | null
}

export type News = {
  readonly lastEvent: number
  readonly phase: string | null
  readonly usage: string | null
  /** What it used over time, told anew each time. */
  readonly series: string | null
  readonly notes: readonly string[]
  /** What the audit has to say of it: the canary of its project, or a secret, was in what its job said. */
  readonly alarms: readonly ('canary.seen' | 'secret.leak_suspected')[]
  readonly egress: readonly { readonly seq: number; readonly records: string }[]
  /** Each index once. */
  readonly steps: readonly StepNews[]
}

/** Of the events above `before`, in the order of their numbers. */
export const foldEvents = (events: readonly AttemptEvent[], before: number): News => {
  const fresh = events.filter((event) => event.seq > before).toSorted((a, b) => a.seq - b.seq)
  const last = <K extends AttemptEvent['kind']>(kind: K) => only(fresh, kind).at(-1)
  const { usage, series } = last('usage') ?? {}
  const alarms = only(fresh, 'alarm')
  return {
    lastEvent: fresh.at(-1)?.seq ?? before,
    phase: last('phase')?.phase ?? null,
    usage: usage === undefined ? null : JSON.stringify(usage),
    series: series === undefined ? null : JSON.stringify(series),
    notes: [...only(fresh, 'note').map(({ text }) => storable(text)), ...alarms.map(describeAlarm)],
    alarms: alarms.map(({ what }) => (what === 'canary' ? 'canary.seen' : 'secret.leak_suspected')),
    egress: only(fresh, 'egress').map(({ seq, records }) => ({ seq, records: jsonText(records) })),
    steps: foldSteps(fresh),
  }
}

const describeAlarm = (alarm: Extract<AttemptEvent, { kind: 'alarm' }>): string =>
  alarm.what === 'canary'
    ? canaryNote
    : `ALARM: the log or an artifact of this attempt holds the secret ${alarm.secret} where it cannot be masked: replace it`

const canaryNote =
  'ALARM: the canary secret of this project was in the output of this attempt, and no step is ever given it. Somebody read secrets ' +
  'where the runner or the vault keeps them: replace the secrets of this project and look at that runner'

const only = <K extends AttemptEvent['kind']>(
  events: readonly AttemptEvent[],
  kind: K,
): readonly Extract<AttemptEvent, { kind: K }>[] =>
  events.filter((event): event is Extract<AttemptEvent, { kind: K }> => event.kind === kind)

const foldSteps = (events: readonly AttemptEvent[]): readonly StepNews[] => {
  const steps = new Map<number, StepNews>()
  for (const event of events) {
    if (event.kind !== 'step-started' && event.kind !== 'step-finished') continue
    if (event.step >= limits.stepsPerAttemptMax) continue
    const known: StepNews = steps.get(event.step) ?? { ...unknown, index: event.step, atMs: event.atMs }
    steps.set(event.step, event.kind === 'step-started' ? withStart(known, event) : withEnd(known, event))
  }
  return [...steps.values()]
}

const unknown = {
  ...{ name: null, type: null, exitCode: null, ms: null, leftovers: 0, message: null, cache: null },
  status: 'running' as const,
}

const int4Max = 0x7fff_ffff

/** A step begins once: its first name stays. */
const withStart = (step: StepNews, event: Extract<AttemptEvent, { kind: 'step-started' }>): StepNews =>
  step.name === null ? { ...step, name: storable(event.name), type: storable(event.type) } : step

const withEnd = (step: StepNews, event: Extract<AttemptEvent, { kind: 'step-finished' }>): StepNews => {
  const { status, exitCode, cache = null } = event
  // Of a longer time no date could tell the end: no page that shows it would open.
  const ms = Math.min(event.ms, int4Max)
  const leftovers = Math.min(event.leftovers, int4Max)
  const message = event.message === null ? null : storable(event.message)
  return { ...step, status, exitCode, ms, leftovers, message, cache }
}

type NewsChange = {
  readonly where: RawBuilder<unknown>
  readonly set: RawBuilder<unknown>
  readonly also?: readonly RawBuilder<unknown>[]
}

/**
 * Parts of a statement about the attempt `id`, which must still be what `where` says: then `told`, the changed row, is one.
 * `set` is what else changes in its row, `also` further parts `, name as (…)` that may read from `told`.
 */
export const newsParts = (
  id: AttemptId,
  news: News,
  { where, set, also = [] }: NewsChange,
): RawBuilder<unknown> => sql`
    told as (
      update attempts set last_event = ${news.lastEvent}, usage = coalesce(${news.usage}::jsonb, usage), ${set}
      where id = ${id} and ${where} returning id, started_at
    )${sql.join([...stepParts(news), ...seriesPart(news), ...egressPart(id, news), ...alarmPart(news), ...also], sql``)}`

/** A statement of these alone; answers whether the attempt was what `where` says. */
export const writeNews = async (tx: Tx, id: AttemptId, news: News, change: NewsChange): Promise<boolean> => {
  const { rows } = await sql`with ${newsParts(id, news, change)} select 1 from told`.execute(tx)
  return rows.length === 1
}

/** For `set`: our own words and those of the news, as far as there is room. */
export const withNotes = (notes: readonly string[]): RawBuilder<unknown> =>
  sql`notes = notes || (${notes}::text[])[1:greatest(0, ${limits.notesPerAttemptMax} - cardinality(notes))]`

/** The runner's clock is held between the start of the attempt and now. */
const stepParts = ({ steps }: News): readonly RawBuilder<unknown>[] => {
  const fresh = steps.filter((step) => step.name !== null)
  const known = steps.filter((step) => step.name === null)
  return [
    ...(fresh.length === 0
      ? []
      : [
          sql`, begun as (
      insert into steps (attempt_id, index, name, type, status, started_at, duration_ms, exit_code, message, leftovers, cache)
      select t.id, s.index, s.name, s.type, s.status,
        least(greatest(to_timestamp(s.at_ms / 1000), t.started_at), now()), s.ms, s.exit_code, s.message, s.leftovers, s.cache
      from told t, ${stepRows(fresh)}
      on conflict (attempt_id, index) do update set status = excluded.status, duration_ms = excluded.duration_ms,
        exit_code = excluded.exit_code, message = excluded.message, leftovers = excluded.leftovers, cache = excluded.cache
      where excluded.status <> 'running')`,
        ]),
    ...(known.length === 0
      ? []
      : [
          sql`, ended as (
      update steps k set status = s.status, duration_ms = s.ms, exit_code = s.exit_code, message = s.message,
        leftovers = s.leftovers, cache = s.cache
      from told t, ${stepRows(known)} where k.attempt_id = t.id and k.index = s.index)`,
        ]),
  ]
}

const stepRows = (steps: readonly StepNews[]): RawBuilder<unknown> => sql`unnest(
        ${steps.map((s) => s.index)}::integer[], ${steps.map((s) => s.name)}::text[], ${steps.map((s) => s.type)}::text[],
        ${steps.map((s) => s.atMs)}::float8[], ${steps.map((s) => s.status)}::text[], ${steps.map((s) => s.ms)}::bigint[],
        ${steps.map((s) => s.exitCode)}::integer[], ${steps.map((s) => s.message)}::text[],
        ${steps.map((s) => s.leftovers)}::integer[], ${steps.map((s) => s.cache)}::text[])
        as s (index, name, type, at_ms, status, ms, exit_code, message, leftovers, cache)`

const alarmPart = ({ alarms }: News): readonly RawBuilder<unknown>[] =>
  alarms.length > 0
    ? [
        sql`, alarmed as (
      insert into audit (organisation_id, actor_kind, actor_id, action, target, project_id, run_id, result)
      select a.organisation_id, 'service', coalesce(a.runner_id, '-'), e.action, a.id, a.project_id, a.run_id, 'error'
      from told t join attempts a on a.id = t.id, unnest(${alarms}::text[]) as e (action))`,
      ]
    : []

const seriesPart = ({ series }: News): readonly RawBuilder<unknown>[] =>
  series === null
    ? []
    : [
        sql`, sampled as (
      insert into attempt_usage (attempt_id, series) select id, ${series} from told
      on conflict (attempt_id) do update set series = excluded.series)`,
      ]

const egressPart = (id: AttemptId, { egress }: News): readonly RawBuilder<unknown>[] =>
  egress.length === 0
    ? []
    : [
        sql`, reached as (
      insert into egress_records (attempt_id, seq, records)
      select t.id, e.seq, e.records from told t,
        unnest(${egress.map((e) => e.seq)}::integer[], ${egress.map((e) => e.records)}::jsonb[]) as e (seq, records)
      order by e.seq
      limit greatest(0, ${limits.egressRowsPerAttemptMax} - (select count(*) from egress_records where attempt_id = ${id})))`,
      ]
