// The API as the operator of a test installation sees it, over its local socket.
import { join } from 'node:path'
import type { Attempt, Job, ProjectCreated, Run } from '../../src/protocol/api/shapes.ts'
import { requestUnix } from '../../src/sys/index.ts'
import { type TestInstallation, waitFor } from './installation.ts'

export type Api = {
  readonly get: <T>(path: string) => Promise<T>
  readonly post: <T>(path: string, body?: unknown) => Promise<T>
  readonly addProject: (
    name: string,
    source: { kind: 'local'; path: string } | { kind: 'ssh'; url: string },
  ) => Promise<ProjectCreated>
  /** The run with its jobs once it is final. */
  readonly finishedRun: (id: string, deadlineMs?: number) => Promise<Run>
  /** Lines of one step of an attempt, in order, without ends. */
  readonly logLines: (attempt: string, step: number) => Promise<string[]>
}

export const finalStatuses = new Set([
  'passed',
  'unstable',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'skipped',
])
const x25519Length = 32

export const createApi = (installation: Pick<TestInstallation, 'run'>): Api => {
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const answer = await requestUnix({
      socketPath: join(installation.run, 'operator/operator.sock'),
      method,
      path,
      timeoutMs: 20_000,
      ...(method === 'POST' ? { body: body ?? {} } : {}),
    })
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as T
  }
  const get = <T>(path: string) => call<T>('GET', path)
  return {
    get,
    post: (path, body) => call('POST', path, body),
    addProject: (name, source) =>
      call('POST', '/api/v1/projects', {
        name,
        source,
        default_branch: 'main',
        eph: Buffer.alloc(x25519Length, 9).toString('base64url'),
      }),
    finishedRun: (id, deadlineMs = 60_000) =>
      waitFor(
        `run ${id}`,
        async () => {
          const run = await get<Run>(`/api/v1/runs/${id}`).catch(() => null)
          return run !== null && finalStatuses.has(run.status) ? run : null
        },
        deadlineMs,
      ),
    logLines: async (attempt, step) => {
      const text = await get<string>(`/api/v1/attempts/${attempt}/log?format=ansi&step=${step}`)
      return String(text).split('\n').slice(0, -1)
    },
  }
}

/** The job of that key in a run. */
export const jobOf = (run: Run, key: string): Job => {
  const job = run.jobs.find((each) => each.key === key)
  if (job === undefined)
    throw new Error(`run ${run.number} has no job ${key}: ${run.jobs.map((each) => each.key).join(', ')}`)
  return job
}

export const stepIndex = (attempt: Attempt, name: string): number => {
  const step = attempt.steps.find((each) => each.name === name)
  if (step === undefined)
    throw new Error(`no step ${name}: ${attempt.steps.map((each) => each.name).join(', ')}`)
  return step.index
}
