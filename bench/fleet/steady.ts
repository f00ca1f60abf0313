// The middle of a burst, when all places are full and what ends makes room for the next: what server, vault and database
// take, how long the server's event loop is held up, and whether followers see every line (PF-51).
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { startClock } from '../clock.ts'
import { makeToken } from '../installation.ts'
import { usageOf } from '../processes.ts'
import { controlCpuMs, supervisorsOf } from './burst.ts'
import type { Control } from './control.ts'
import { openFollowers, type Seen } from './followers.ts'

export type Steady = {
  readonly cores: number
  readonly startsPerSecond: number
  readonly linesPerSecond: number
  /** Of the largest, if there are several. */
  readonly serverPssBytes: number
  /** p99 of the server's event loop in that time, as its metrics say. */
  readonly loopDelayMs: number
  readonly followers: number
  readonly seen: Seen
}

export const watchSteady = async (
  control: Control,
  { followers: count, seconds }: { readonly followers: number; readonly seconds: number },
): Promise<Steady> => {
  const { installation } = control
  const followers = await openFollowers(control, count)
  const token = makeToken(installation.data, ['metrics.read'])
  try {
    // A scrape tells of the time since the one before.
    await loopDelayMs(control.metricsPort, token)
    const before = { cpuMs: controlCpuMs(control), ...(await totalsOf(control)) }
    const elapsed = startClock()
    await sleep(seconds * 1000)
    const ms = elapsed()
    const cpuMs = controlCpuMs(control) - before.cpuMs
    const after = await totalsOf(control)
    return {
      cores: cpuMs / ms,
      startsPerSecond: ((after.started - before.started) * 1000) / ms,
      linesPerSecond: ((after.lines - before.lines) * 1000) / ms,
      serverPssBytes: Math.max(
        ...supervisorsOf(control).map((pid) => usageOf(pid)?.pssBytes.server ?? Number.NaN),
      ),
      loopDelayMs: await loopDelayMs(control.metricsPort, token),
      followers: followers.count,
      seen: followers.seen(),
    }
  } finally {
    followers.close()
  }
}

/** Lines by what the jobs that are there have printed until now: all print at the same pace. */
const totalsOf = async ({ state, linesPerSecond }: Control): Promise<{ started: number; lines: number }> => {
  const [row] = await state.ask<{ started: number; seconds: number }>(`
    select count(*)::int as started,
      coalesce(sum(extract(epoch from coalesce(a.finished_at, now()) - a.started_at)), 0)::float as seconds
    from attempts a join jobs j on j.id = a.job_id where j.kind = 'job' and a.started_at is not null`)
  return { started: row?.started ?? 0, lines: (row?.seconds ?? 0) * linesPerSecond }
}

const loopDelayMs = (port: number, token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    get({ host: '127.0.0.1', port, path: '/metrics', headers, timeout: 10_000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => {
        const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]
        if (seconds === undefined) reject(new Error(`metrics answered ${answer.statusCode}`))
        else resolve(Number(seconds) * 1000)
      })
    }).once('error', reject)
  })
