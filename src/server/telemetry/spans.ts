// A run that has ended as spans, by the conventions of OpenTelemetry for CI/CD: delivery → plan → queue → sandbox → steps
// → finish. Pure. Ids are digests of our own ids: sent twice, a run is the same trace. What people typed is cut to a length;
// parameters, messages of commits, authors and addresses of repositories are left out.
import { toHex, utf8 } from '../../base/bytes.ts'
import { sha256 } from '../../base/sha256.ts'
import type { Status } from '../../protocol/api/shapes.ts'
import { isRed } from '../../protocol/plan.ts'
import type { EndedAttempt, EndedRun } from './ended-run.ts'

export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: 'server' | 'internal'
  readonly start: Date
  readonly end: Date
  readonly attributes: Readonly<Record<string, string | number>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly isError: boolean
}

const textMax = 256
const idBytes = (text: string, bytes: number): string =>
  toHex(sha256(utf8(`mayfly-trace:${text}`)).subarray(0, bytes))
const spanIdOf = (text: string): string => idBytes(text, 8)
const cut = (text: string): string => text.slice(0, textMax).toWellFormed()

/** Words of the conventions for `cicd.pipeline.result`; what did not end in one of them has none. */
const results: Partial<Record<Status, string>> = {
  passed: 'success',
  unstable: 'success',
  failed: 'failure',
  timed_out: 'timeout',
  errored: 'error',
  cancelled: 'cancellation',
  skipped: 'skip',
}
const resultOf = (status: Status, attribute: string): Record<string, string> => {
  const result = results[status]
  return result === undefined ? {} : { [attribute]: result }
}

export const spansOf = (
  run: EndedRun,
  site: { readonly url: string; readonly organisation: string },
): Span[] => {
  const traceId = idBytes(run.id, 16)
  // A run that somebody wanted again has a further span beside the first, in the same trace.
  const root = spanIdOf(run.rerunAt === null ? `run ${run.id}` : `run ${run.id} ${run.rerunAt.getTime()}`)
  const begin = run.rerunAt ?? run.receivedAt ?? run.createdAt
  const address = `${site.url}/${site.organisation}/${run.project.name}/runs/${run.number}`
  const inRun = { traceId, kind: 'internal', links: [], isError: false } as const
  const delivery: readonly Span[] =
    run.receivedAt === null || run.rerunAt !== null
      ? []
      : [
          {
            ...{ ...inRun, spanId: spanIdOf(`delivery ${run.id}`), parentSpanId: root, name: 'delivery' },
            ...{ start: run.receivedAt, end: later(run.receivedAt, run.createdAt), attributes: {} },
          },
        ]
  return [
    {
      ...{ ...inRun, spanId: root, parentSpanId: null, name: cut(`RUN ${run.project.name}`), kind: 'server' },
      ...{ start: begin, end: later(begin, run.finishedAt), isError: isRed(run.status) },
      attributes: runAttributes(run, address),
    },
    ...delivery,
    ...run.attempts.flatMap((attempt) => attemptSpans(attempt, { traceId, root, address })),
  ]
}

const runAttributes = (run: EndedRun, address: string): Span['attributes'] => ({
  'cicd.pipeline.name': cut(run.project.name),
  'cicd.pipeline.run.id': run.id,
  'cicd.pipeline.run.url.full': address,
  'cicd.pipeline.action.name': 'RUN',
  ...resultOf(run.status, 'cicd.pipeline.result'),
  'mayfly.run.number': run.number,
  'mayfly.run.event': run.event,
  'vcs.ref.head.revision': run.commit,
  ...(run.branch === null ? {} : { 'vcs.ref.head.name': cut(run.branch), 'vcs.ref.type': 'branch' }),
  ...(run.tag === null ? {} : { 'vcs.ref.head.name': cut(run.tag), 'vcs.ref.type': 'tag' }),
})

type In = { readonly traceId: string; readonly root: string; readonly address: string }

const attemptSpans = (attempt: EndedAttempt, { traceId, root, address }: In): readonly Span[] => {
  const { id, status, queuedAt, startedAt, finishedAt, steps } = attempt
  const own = spanIdOf(id)
  const part = (name: string, start: Date, end: Date): Span => ({
    ...{ traceId, spanId: spanIdOf(`${name} ${id}`), parentSpanId: own, name, kind: 'internal' },
    ...{ start, end: later(start, end), attributes: {}, links: [], isError: false },
  })
  const firstStep = steps[0]?.startedAt ?? finishedAt
  const lastStep = steps.map(stepEnd).reduce(later, startedAt ?? finishedAt)
  return [
    {
      ...{ traceId, spanId: own, parentSpanId: root, kind: 'internal', isError: isRed(status) },
      ...{ name: attempt.kind === 'plan' ? 'plan' : cut(attempt.name), start: queuedAt },
      end: later(queuedAt, finishedAt),
      attributes: {
        'cicd.pipeline.task.name': cut(attempt.name),
        'cicd.pipeline.task.run.id': id,
        'cicd.pipeline.task.run.url.full': `${address}/jobs/${encodeURIComponent(cut(attempt.name))}`,
        ...resultOf(status, 'cicd.pipeline.task.run.result'),
        'mayfly.attempt.number': attempt.number,
        'mayfly.attempt.cause': attempt.cause,
      },
      links: before(attempt, traceId),
    },
    part('queue', queuedAt, startedAt ?? finishedAt),
    ...(startedAt === null
      ? []
      : [
          part('sandbox', startedAt, firstStep),
          ...steps.map((step) => stepSpan(attempt, step, { traceId, own })),
          ...(steps.length === 0 ? [] : [part('finish', lastStep, finishedAt)]),
        ]),
  ]
}

type Step = EndedAttempt['steps'][number]

const stepSpan = (
  { id, finishedAt }: EndedAttempt,
  step: Step,
  { traceId, own }: { readonly traceId: string; readonly own: string },
): Span => ({
  ...{ traceId, spanId: spanIdOf(`step ${step.index} ${id}`), parentSpanId: own, kind: 'internal' },
  ...{ name: cut(step.name), start: step.startedAt, links: [], isError: isRed(step.status) },
  // A step that never ended, ended with its attempt.
  end: step.durationMs === null ? later(step.startedAt, finishedAt) : stepEnd(step),
  attributes: { 'mayfly.step.index': step.index, 'mayfly.step.status': step.status },
})

const stepEnd = ({ startedAt, durationMs }: Step): Date => new Date(startedAt.getTime() + (durationMs ?? 0))

/** The attempt of the same job before this one. */
const before = ({ previous }: EndedAttempt, traceId: string): Span['links'] =>
  previous === null ? [] : [{ traceId, spanId: spanIdOf(previous) }]

/** Clocks of several machines meet here: nothing ends before it begins. */
const later = (a: Date, b: Date): Date => (b.getTime() > a.getTime() ? b : a)
