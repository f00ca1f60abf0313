// Runs and logs in memory, with the promises of server/use-cases.ts that live updates lean on: what is committed is
// read, a notice follows every commit, and readers may come and go at any time.
import { deflateRawSync } from 'node:zlib'
import type { RunId } from '../../src/base/ids.ts'
import type * as api from '../../src/protocol/api/shapes.ts'
import type { FollowerFrame } from '../../src/protocol/live.ts'
import type { Logs } from '../../src/server/log-use-cases.ts'
import type { RunNotice, Runs } from '../../src/server/use-cases.ts'

export const attemptId = `att_${'0'.repeat(26)}`
export const runId = `run_${'0'.repeat(26)}` as RunId
export const projectId = `prj_${'0'.repeat(26)}` as RunNotice['project']

/** Answers a little later, like a database: what changes meanwhile must not get lost. */
const soon = () => new Promise<void>((resolve) => setImmediate(resolve))

export const memoryLog = (frameBytes = 10) => {
  const frames: FollowerFrame[] = []
  const waiting = new Set<() => void>()
  const state = { isComplete: false, read: 0 }
  const tell = () => {
    for (const wake of [...waiting]) wake()
  }
  const next = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      waiting.add(wake)
      signal.addEventListener('abort', wake)
      if (signal.aborted) wake()
    })
  const follow: Logs['follow'] = async function* (_scope, _attempt, { after, signal }) {
    for (let seq = after; !signal.aborted; ) {
      const frame = frames[seq]
      await soon()
      if (frame !== undefined) {
        state.read++
        seq = frame.seq
        yield frame
      } else if (state.isComplete && seq >= frames.length) return
      else if (seq >= frames.length) await next(signal)
    }
  }
  return {
    follow,
    state,
    append: () => {
      const seq = frames.length + 1
      const body = deflateRawSync(Buffer.alloc(frameBytes, `${seq} `), { level: 0 })
      const of = { attempt: attemptId, seq, step: 0, firstLine: seq, lines: 1, tMs: seq }
      frames.push({ ...of, codec: 'deflate-raw', body })
      tell()
    },
    complete: () => {
      state.isComplete = true
      tell()
    },
  }
}

export const memoryRuns = (jobCount: number, organisation: () => RunNotice['organisation']) => {
  const handlers = new Set<(notice: RunNotice | null) => void>()
  const jobs = Array.from({ length: jobCount }, (_, i) => ({ id: `job_${i}`, rev: 1, name: 'created' }))
  const state = { rev: 1, reads: 0 }
  const jobsSince: Runs['jobsSince'] = async (_scope, run, rev) => {
    if (run !== runId) return null
    state.reads++
    const seen = { rev: state.rev, jobs: structuredClone(jobs.filter((job) => job.rev > rev)) }
    await soon()
    return {
      rev: seen.rev,
      // SAFE: followers pass these on without looking inside.
      run: { id: run, rev: seen.rev } as unknown as api.RunSummary,
      jobs: seen.jobs as unknown as api.Job[],
    }
  }
  return {
    state,
    jobs,
    source: {
      jobsSince,
      onChange: (handler: (notice: RunNotice | null) => void) => {
        handlers.add(handler)
        return () => void handlers.delete(handler)
      },
    },
    change: (index: number, name: string) => {
      const job = jobs[index % jobCount]
      if (job === undefined) return
      job.rev = ++state.rev
      job.name = name
      for (const handler of handlers)
        handler({ organisation: organisation(), project: projectId, run: runId, rev: state.rev })
    },
    loseNotices: () => {
      for (const handler of handlers) handler(null)
    },
  }
}
