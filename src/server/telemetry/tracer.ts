// Sends the trace of each run that has ended, and notes that it was taken: what could not be sent, because the collector or
// this server was away, is sent later, for a day. Exists only where the settings name a collector.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import { formatId, type RunId, uuid7 } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import { type EndedRun, readEndedRun } from './ended-run.ts'
import { type Collector, sendSpans } from './otlp.ts'
import { spansOf } from './spans.ts'

export type Tracer = {
  /** A run has ended. Never throws, never waits. */
  send(run: EndedRun): void
  /** Sends what was not taken yet. Called by itself; tests call it. Returns how many. */
  sendMissed(): Promise<number>
  close(): Promise<void>
}

type Deps = {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  readonly collector: Collector
  readonly site: () => { readonly url: string }
  readonly organisation: string
}

export const createTracer = (deps: Deps): Tracer => {
  // One after the other: a collector that is slow holds back traces, not the server.
  let last: Promise<unknown> = Promise.resolve()
  let isClosed = false
  let isAway = false
  let waiting = 0
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    waiting += 1
    const next = last.then(work).finally(() => {
      waiting -= 1
    })
    last = next.catch(() => undefined)
    return next
  }
  const failed = (error: unknown): void => {
    if (!isAway) deps.log.warn('a trace was not taken', { error })
    isAway = true
  }
  const deliver = async (run: EndedRun): Promise<void> => {
    const spans = spansOf(run, { url: deps.site().url, organisation: deps.organisation })
    // One that is never taken must not hold back those behind it.
    if ((await sendSpans(deps.collector, spans)) === 'refused')
      deps.log.warn('the collector refused a trace: it is not sent again', { run: run.id })
    await noteSent(deps.db, run)
    isAway = false
  }
  const sendMissed = async (): Promise<number> => {
    const missed = await readMissed(deps)
    for (const id of missed) {
      const run = isClosed ? null : await readEndedRun(deps.db, id)
      if (run !== null) await deliver(run)
    }
    return missed.length
  }
  const timer = setInterval(() => {
    if (waiting === 0) enqueue(sendMissed).catch(failed)
  }, limits.telemetry.retryEveryMs)
  timer.unref()
  return {
    // While the collector is away each further run would wait for its own refusal, and of a slow one no line is kept in memory:
    // the next look takes them together.
    send: (run) => {
      const isLeft = () => isClosed || isAway
      if (isLeft() || waiting >= limits.telemetry.tracesAtOnce) return
      enqueue(async () => (isLeft() ? undefined : deliver(run))).catch(failed)
    },
    sendMissed: () => enqueue(sendMissed),
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await last
    },
  }
}

const noteSent = async (db: Db, { id, finishedAt }: EndedRun): Promise<void> => {
  await sql`update runs set traced_at = ${finishedAt} where id = ${id}`.execute(db)
}

/** Ends that nobody took. Ids begin with their time: what was made long ago is not even looked at. */
const readMissed = async ({ db, clock }: Deps): Promise<readonly RunId[]> => {
  const { traceForMs, tracesAtOnce } = limits.telemetry
  const oldest = formatId('run', uuid7(clock.now() - 2 * traceForMs, new Uint8Array(10)))
  const { rows } = await sql<{ id: RunId }>`
    select id from runs
    where id > ${oldest} and finished_at > now() - make_interval(secs => ${traceForMs / 1000})
      and (traced_at is null or traced_at < date_trunc('milliseconds', finished_at))
    order by id limit ${tracesAtOnce}`.execute(db)
  return rows.map(({ id }) => id)
}
