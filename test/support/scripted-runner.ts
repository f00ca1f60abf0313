// A runner that does what a test says: signs its requests, seals its frames, executes nothing.
import { createHash } from 'node:crypto'
import { Agent, request as httpsRequest } from 'node:https'
import { zstdCompressSync } from 'node:zlib'
import { fromBase64Url, toBase64Url } from '../../src/base/bytes.ts'
import type { AttemptId, RunnerId } from '../../src/base/ids.ts'
import type { ChangedFiles } from '../../src/protocol/changed-files.ts'
import { encodeFrameBatch } from '../../src/protocol/frames.ts'
import type { Plan, PlanJob, PlanWorkflow } from '../../src/protocol/plan.ts'
import type {
  AttemptEvent,
  BeatAnswer,
  FinishRequest,
  FramesAnswer,
  LeaseGrant,
  PollAnswer,
  PollRequest,
  RunnerFacts,
} from '../../src/protocol/runner-wire.ts'
import type { UsageSeries } from '../../src/protocol/usage-series.ts'
import { runnerRequestTyp } from '../../src/protocol/vault.ts'
import {
  type GeneratedKey,
  generateLogKey,
  generateSealingKey,
  importLogKey,
  jcsDigest,
  type KeyPair,
  sealFrame,
  signJws,
} from '../../src/seal/index.ts'
import { randomBytes } from '../../src/sys/index.ts'
import { sealLogKey } from './log-key.ts'
import type { Parts } from './parts.ts'

/** `body` is what the runner takes it for: a test that gets something else fails on the status first. */
export type Reply<T = { readonly code?: string; readonly message?: string } | null> = {
  readonly status: number
  readonly body: T
}
export type ScriptedRunner = ReturnType<typeof createScriptedRunner>

export const scriptedFacts: RunnerFacts = {
  version: '0.0.0',
  compiler: 'compiler of this release',
  driver: 'fake',
  tier: 'none',
  stops: [],
  images: 'any',
  egress: ['none', 'open'],
  slots: 2,
  classes: ['small', 'tiny'],
  weak: ['it executes nothing'],
}

/** Longer than two polls are held. */
const takeMs = 60_000

/** A lease with what the runner made for it. */
export type Held = LeaseGrant & { readonly log: LogSide; readonly ephKey: KeyPair | undefined }
type LogSide = { readonly key: Uint8Array; readonly sealedKey: Uint8Array; seq: number }

export const createScriptedRunner = (
  parts: Pick<Parts, 'runnerPort' | 'clock'>,
  runner: { readonly id: RunnerId; readonly key: GeneratedKey },
  options: { session?: number; boot?: string; free?: Record<string, number> } = {},
) => {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  const session = options.session ?? 1
  const send = async <T = Reply['body']>(
    path: string,
    body: Uint8Array | object,
    change: {
      method?: string
      claims?: object
      key?: GeneratedKey
      authorization?: string
      bytes?: Uint8Array
    } = {},
  ): Promise<Reply<T>> => {
    const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
    const method = change.method ?? 'POST'
    const claims = {
      iss: runner.id,
      htm: method,
      htu: `https://127.0.0.1:${parts.runnerPort}${path}`,
      bh: createHash('sha256').update(bytes).digest('base64url'),
      iat: Math.floor(parts.clock.now() / 1000),
      jti: toBase64Url(randomBytes(16)),
      ...change.claims,
    }
    const jws = await signJws(
      { typ: runnerRequestTyp, kid: runner.id, claims },
      (change.key ?? runner.key).privateKey,
    )
    return exchange({
      agent,
      port: parts.runnerPort,
      method,
      path,
      body: change.bytes ?? bytes,
      authorization: change.authorization ?? `MF-Runner ${jws}`,
    })
  }
  const ephs = new Map<string, KeyPair>()
  const poll = async (changes: Partial<PollRequest> = {}, places = 2): Promise<Reply<PollAnswer>> => {
    const keys = await Promise.all(Array.from({ length: places }, () => generateSealingKey()))
    for (const key of keys) ephs.set(toBase64Url(key.publicKey), key)
    return send('/runner/v1/poll', {
      v: 1,
      session,
      boot: options.boot ?? 'boot-1',
      free: options.free ?? { 'built-in': 2, small: 2 },
      eph: keys.map((key) => toBase64Url(key.publicKey)),
      facts: scriptedFacts,
      ...changes,
    })
  }
  return {
    send,
    poll,
    /** Polls until there are leases. A test that waits for what never comes ends with words, and takes none from those after it. */
    take: async (changes: Partial<PollRequest> = {}, places = 2): Promise<Held[]> => {
      for (const until = performance.now() + takeMs; ; ) {
        if (performance.now() > until) throw new Error(`no lease for ${runner.id} in ${takeMs} ms`)
        const { status, body: answer } = await poll(changes, places)
        if (status === 204 || (status === 200 && answer.leases.length === 0)) continue
        if (status !== 200) throw new Error(`poll: ${status} ${JSON.stringify(answer)}`)
        const ingest = fromBase64Url(answer.ingestKey!.pk)!
        return Promise.all(answer.leases.map((lease) => hold(lease, ingest, ephs)))
      }
    },
    beat: (
      leases: readonly Held[],
      at = session,
      usage?: Readonly<Record<string, UsageSeries>>,
    ): Promise<Reply<BeatAnswer>> =>
      send('/runner/v1/beat', { v: 1, session: at, leases: leases.map(({ lease }) => lease), usage }),
    batch,
    /** One frame per text, in one request. */
    frames: async (held: Held, step: number, ...texts: string[]): Promise<Reply<FramesAnswer>> =>
      send('/runner/v1/frames', await batch(held, step, ...texts)),
    events: (held: Held, events: readonly AttemptEvent[]): Promise<Reply> =>
      send(`/runner/v1/leases/${held.lease}/events`, { v: 1, events }),
    finish: (held: Held, changes: Partial<FinishRequest> = {}): Promise<Reply> =>
      send(`/runner/v1/leases/${held.lease}/finish`, {
        v: 1,
        outcome: 'passed',
        reason: null,
        receipt: null,
        lastSeq: held.log.seq,
        lastEvent: 0,
        result: { kind: 'job' },
        ...changes,
      } satisfies FinishRequest),
    /** Finishes a plan lease with these jobs in one workflow, which may have further keys. */
    finishPlan: async (
      held: Held,
      jobs: readonly (Partial<PlanJob> & { key: string })[],
      more: Partial<PlanWorkflow> = {},
      ofPlan: Pick<Plan, 'schedules' | 'takes'> & { readonly changes?: ChangedFiles } = {},
    ): Promise<Reply> => {
      const made = planOf(held, jobs)
      const { changes, ...told } = ofPlan
      const plan = {
        ...made,
        ...told,
        workflows: made.workflows.map((workflow) => ({ ...workflow, ...more })),
      }
      return send(`/runner/v1/leases/${held.lease}/finish`, {
        v: 1,
        outcome: 'passed',
        reason: null,
        receipt: null,
        lastSeq: held.log.seq,
        lastEvent: 0,
        result: {
          kind: 'plan',
          plan,
          planDigest: await jcsDigest(plan),
          origins: {},
          problems: [],
          commit: {
            id: plan.inputs.event.commit,
            subject: 'Say hello',
            author: 'A. Uthor',
            authoredAt: '2026-01-01T00:00:00Z',
          },
          ...(changes === undefined ? {} : { changes }),
        },
      } satisfies FinishRequest)
    },
    close: () => agent.destroy(),
  }
}

export const planOf = (held: Held, jobs: readonly (Partial<PlanJob> & { key: string })[]): Plan => {
  if (held.spec.kind !== 'plan') throw new Error('not a plan lease')
  const { event } = held.spec.run
  const commit = /^0+$/.test(event.commit) ? 'c'.repeat(40) : event.commit
  return {
    v: 1,
    dialect: 'circleci',
    source: [{ path: '.circleci/config.yml', sha256: 'a'.repeat(64) }],
    inputs: { event: { ...event, commit }, parameters: held.spec.parameters },
    workflows: jobs.length === 0 ? [] : [{ name: 'main', jobs: jobs.map(planJob) }],
  }
}

export const planJob = (job: Partial<PlanJob> & { key: string }): PlanJob => ({
  name: job.key,
  kind: 'job',
  needs: [],
  shards: 1,
  spec:
    (job.kind ?? 'job') !== 'job'
      ? null
      : {
          v: 1,
          dialect: 'circleci',
          image: { kind: 'container', ref: 'cimg/base:stable' },
          services: [],
          resourceClass: 'small',
          workdir: '~/project',
          env: [],
          contexts: [],
          egress: null,
          timeoutMs: 60_000,
          steps: [
            {
              kind: 'run',
              name: 'hello',
              when: 'on_success',
              command: 'echo hello',
              shell: null,
              env: [],
              background: false,
              workdir: null,
              noOutputTimeoutMs: 60_000,
              maxAutoReruns: 0,
              autoRerunDelayMs: 0,
            },
          ],
        },
  ...job,
})

const hold = async (grant: LeaseGrant, ingest: Uint8Array, ephs: Map<string, KeyPair>): Promise<Held> => {
  const key = generateLogKey()
  const sealedKey = await sealLogKey(ingest, key, { project: grant.spec.project.id, attempt: grant.attempt })
  return { ...grant, ephKey: ephs.get(grant.eph ?? ''), log: { key, sealedKey: sealedKey!, seq: 0 } }
}

const batch = async (held: Held, step: number, ...texts: string[]) =>
  encodeFrameBatch(await Promise.all(texts.map((text) => frame(held, step, text))))

const frame = async (held: Held, step: number, text: string) => {
  const { log } = held
  const sealed = await makeFrame(held.attempt, log, { step, text, seq: ++log.seq })
  return { lease: held.lease, sealedKey: log.sealedKey, frame: sealed }
}

export const makeFrame = async (
  attempt: AttemptId,
  log: LogSide,
  { step, text, seq }: { step: number; text: string; seq: number },
) =>
  sealFrame(
    await importLogKey(log.key),
    {
      attempt,
      seq,
      step,
      codec: 'zstd',
      tMs: seq * 10,
      firstLine: seq,
      lines: text.split('\n').length - 1,
    },
    zstdCompressSync(text),
  )

const exchange = <T>(call: {
  agent: Agent
  port: number
  method: string
  path: string
  body: Uint8Array
  authorization: string
}): Promise<Reply<T>> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        agent: call.agent,
        host: '127.0.0.1',
        port: call.port,
        method: call.method,
        path: call.path,
        headers: { authorization: call.authorization, 'content-length': call.body.length },
        signal: AbortSignal.timeout(30_000),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) })
        })
      },
    )
    request.on('error', reject)
    request.end(call.body)
  })
