// Checks what a runner sends: it is enrolled, not trusted, and part of what it says comes from inside a sandbox.
// Closed shapes, a bound on everything; the plan inside a result is checked by plan-parse.ts.
import type { Parsed } from '../base/problem.ts'
import {
  either,
  hasTag,
  id,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseShape,
  type Shape,
  text,
  where,
} from '../base/shape.ts'
import { changedFiles } from './changed-files.ts'
import { origin, problems, recordOf } from './compile.ts'
import { outcomes } from './plan.ts'
import { plan } from './plan-parse.ts'
import type { EgressRecord, Usage } from './receipt.ts'
import type {
  AttemptEvent,
  BeatRequest,
  EventsRequest,
  FinishRequest,
  PlanMade,
  PollRequest,
  RunnerFacts,
} from './runner-wire.ts'
import { secretName } from './statement.ts'
import { cacheHits } from './stored-object.ts'
import { usageSeries } from './usage-series-parse.ts'

/** Places of one runner. */
export const slotsMax = 256
export const eventsPerRequestMax = 1_000
const leasesMax = 1_000

export const parsePollRequest = (json: unknown): Parsed<PollRequest> => parseShape(poll, json, code)
export const parseBeatRequest = (json: unknown): Parsed<BeatRequest> => parseShape(beat, json, code)
export const parseEventsRequest = (json: unknown): Parsed<EventsRequest> => parseShape(events, json, code)
export const parsePlanMade = (json: unknown): Parsed<PlanMade> => parseShape(planMade, json, code)
export const parseFinishRequest = (json: unknown): Parsed<FinishRequest> => parseShape(finish, json, code)

const code = 'E_PROTOCOL'
const whole = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const count = integer({ min: 0, max: 0xffff_ffff })
const word = text({ max: 128 })
const sentence = text({ max: 4096, min: 0 })
/** It is shown in smaller units, too, and is a number there. */
const real: Shape<number> = (value, path, report) =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
    ? value
    : report(path, 'must be a number')

const facts: Shape<RunnerFacts> = object({
  version: word,
  compiler: optional(word),
  driver: word,
  tier: word,
  measuredAt: optional(nullable(word)),
  stops: list(word, { max: 100 }),
  images: oneOf('any', 'host-only'),
  egress: list(oneOf('none', 'list', 'open'), { max: 3 }),
  slots: integer({ min: 1, max: slotsMax }),
  classes: list(word, { max: 100 }),
  weak: list(sentence, { max: 100 }),
})

const poll: Shape<PollRequest> = object({
  v: oneOf(1),
  session: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  boot: optional(text({ max: 64 })),
  free: recordOf(integer({ min: 0, max: slotsMax })),
  eph: list(text({ max: 43, min: 43, form: /^[A-Za-z0-9_-]+$/ }), { max: slotsMax }),
  held: optional(list(id('lease'), { max: leasesMax })),
  facts: optional(facts),
})

const beat: Shape<BeatRequest> = object({
  v: oneOf(1),
  session: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  leases: list(id('lease'), { max: leasesMax }),
  // SAFE: names of leases that are not this runner's find no row.
  usage: optional(where(recordOf(usageSeries), (all) => Object.keys(all).length <= slotsMax, 'has too many')),
})

const usage: Shape<Usage> = object({
  peakMemory: real,
  cpuSeconds: real,
  peakRamdisk: real,
  peakPids: real,
  oomKills: real,
  egressUp: real,
  egressDown: real,
  throttledMs: real,
})

const egressRecord: Shape<EgressRecord> = object({
  at: text({ max: 64 }),
  cell: text({ max: 128, min: 0 }),
  proto: oneOf('tcp', 'udp', 'dns'),
  host: text({ max: 256, min: 0 }),
  ip: nullable(text({ max: 64 })),
  port: integer({ min: 0, max: 65_535 }),
  verdict: oneOf('allowed', 'denied'),
  why: text({ max: 256, min: 0 }),
  up: whole,
  down: whole,
  ms: real,
})

const numbered = { seq: integer({ min: 1, max: 0x7fff_ffff }), atMs: whole }
const step = integer({ min: 0, max: 0xffff })
const eventKinds: Readonly<Record<AttemptEvent['kind'], Shape<AttemptEvent>>> = {
  phase: object({
    ...numbered,
    kind: oneOf('phase'),
    phase: oneOf('opening', 'fetching', 'running', 'closing'),
  }),
  'step-started': object({
    ...numbered,
    kind: oneOf('step-started'),
    step,
    name: text({ max: 1024, min: 0 }),
    type: word,
  }),
  'step-finished': object({
    ...numbered,
    kind: oneOf('step-finished'),
    step,
    status: oneOf('passed', 'failed', 'timed_out', 'cancelled', 'skipped'),
    exitCode: nullable(integer({ min: -1024, max: 0x7fff_ffff })),
    ms: whole,
    leftovers: count,
    message: nullable(sentence),
    cache: optional(oneOf(...cacheHits)),
  }),
  usage: object({ ...numbered, kind: oneOf('usage'), usage, series: optional(usageSeries) }),
  egress: object({ ...numbered, kind: oneOf('egress'), records: list(egressRecord, { max: 10_000 }) }),
  note: object({ ...numbered, kind: oneOf('note'), text: sentence }),
  alarm: either(
    hasTag('what', 'canary'),
    object({ ...numbered, kind: oneOf('alarm'), what: oneOf('canary') }),
    object({ ...numbered, kind: oneOf('alarm'), what: oneOf('leak'), secret: secretName }),
  ),
}

const event: Shape<AttemptEvent> = (value, path, report) => {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : null
  if (typeof kind !== 'string' || !Object.hasOwn(eventKinds, kind)) return report(path, 'is of no known kind')
  // SAFE: a member of the table is a kind.
  return eventKinds[kind as AttemptEvent['kind']](value, path, report)
}

const events: Shape<EventsRequest> = object({
  v: oneOf(1),
  events: list(event, { max: eventsPerRequestMax }),
})

const digest = text({ max: 64, form: /^[0-9a-f]{64}$/ })
const commitId = text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })
const planResult = object({
  kind: oneOf('plan'),
  plan: nullable(plan),
  planDigest: nullable(digest),
  origins: recordOf(origin),
  problems,
  commit: nullable(
    object({
      id: optional(commitId),
      subject: text({ max: 4096, min: 0 }),
      author: text({ max: 1024, min: 0 }),
      authoredAt: text({ max: 64, min: 0 }),
    }),
  ),
  changes: optional(changedFiles),
})
const planMade: Shape<PlanMade> = object({ v: oneOf(1), result: planResult })
const refsResult = object({
  kind: oneOf('refs'),
  refs: list(object({ ref: text({ max: 255 }), commit: commitId }), { max: 10_000 }),
  hostKeys: list(object({ line: text({ max: 4096 }), fingerprint: text({ max: 100 }) }), { max: 16 }),
})
const result: Shape<FinishRequest['result']> = either(
  hasTag('kind', 'plan'),
  planResult,
  either(hasTag('kind', 'refs'), refsResult, object({ kind: oneOf('job') })),
)

const finish: Shape<FinishRequest> = object({
  v: oneOf(1),
  outcome: oneOf(...outcomes),
  reason: nullable(object({ code: nullable(text({ max: 64 })), message: sentence })),
  receipt: nullable(text({ max: 1024 * 1024 })),
  lastSeq: count,
  lastEvent: count,
  result,
})
