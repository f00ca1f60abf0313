// PF-12, lag: a line is written in a job → a follower has it. Each line is the moment of its writing by the clock of this
// machine, which the job shares. Quiet: four lines a second, one follower. Busy: 10,000 lines a second, 1,000 followers.
import { createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Run } from '../../src/protocol/api/shapes.ts'
import { type Client, firstAttempt, type LiveMessage, textOf, waitUntilPassed } from '../client.ts'
import { startClock } from '../clock.ts'
import { stampSeconds } from '../projects.ts'
import type { Limit, Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'
import type { Trigger } from '../trigger.ts'

type State = Trigger & {
  readonly followers: readonly Client[]
  readonly bare: Server
}

/** Any moment of this century. */
const earliestStamp = 1e12

const now = (): number => performance.timeOrigin + performance.now()

const follow = async (
  { client, project, followers }: State,
  perSecond: number,
): Promise<readonly number[]> => {
  const { id } = await client.post<Run>('/api/v1/runs', { project: project.name })
  const attempt = await firstAttempt(client, id)
  const opened = openFrames()
  const lags = await Promise.all(
    followers.map((follower) =>
      lagsOf(follower, `log:${attempt.id}`, { opened, lines: perSecond * stampSeconds }),
    ),
  )
  await waitUntilPassed(client, id)
  return lags.flat()
}

type Frame = Extract<LiveMessage, { t: 'frame' }>['frame']

/** Frames are the same for all followers: opened once. */
const openFrames = () => {
  const known = new Map<string, readonly number[]>()
  return (frame: Frame): readonly number[] => {
    const key = `${frame.step} ${frame.firstLine}`
    const stamps = known.get(key) ?? textOf(frame).split('\n').slice(0, -1).map(Number)
    known.set(key, stamps)
    return stamps
  }
}

/** Every line once and in order: the first of a frame is the next of its step after the last one. */
const lagsOf = async (
  follower: Client,
  topic: string,
  { opened, lines }: { readonly opened: ReturnType<typeof openFrames>; readonly lines: number },
): Promise<readonly number[]> => {
  const log = await follower.follow(topic)
  const lags: number[] = []
  const seen = new Map<number, number>()
  await log.next((message) => {
    if (message.t === 'log-end') throw new Error(`the log ended before line ${lines}`)
    if (message.t !== 'frame') return null
    const at = now()
    const { frame } = message
    const before = seen.get(frame.step) ?? 0
    if (frame.firstLine !== before + 1)
      throw new Error(`line ${frame.firstLine} came after line ${before} of step ${frame.step}`)
    const stamps = opened(frame)
    seen.set(frame.step, before + stamps.length)
    // Lines of one piece were written at one moment; our own words and the rest of a line cut in two are no stamps.
    for (const stamp of new Set(stamps)) if (stamp > earliestStamp) lags.push(at - stamp)
    return before + stamps.length >= lines ? true : null
  })
  log.stop()
  return lags
}

const request = ({ bare }: State): Promise<number> =>
  new Promise((resolve, reject) => {
    const elapsed = startClock()
    const { port } = bare.address() as AddressInfo
    get({ host: '127.0.0.1', port }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(elapsed()))
    }).once('error', reject)
  })

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * q) - 1] ?? Number.NaN

type Kind = {
  readonly variant: string
  readonly perSecond: number
  readonly followers: number
  readonly q: number
  readonly goal: Limit
  readonly gate: Limit
}

const row = ({ variant, perSecond, followers, q, goal, gate }: Kind): Scenario<State> => ({
  ...{ id: 'PF-12', variant, unit: 'ms', better: 'lower', goal, gate },
  title: 'Line written in the job → at a follower, whole and in order; baseline one loopback HTTP request',
  setUp: async ({ installation }) => {
    const under = await installation()
    const running = await under.up(slots)
    const bare = createServer((_request, response) => response.end('.'))
    await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve))
    const project = await under.project(`stamps-${perSecond}`, 'path')
    return { client: running.client, project, bare, followers: await running.openClients(followers) }
  },
  baseline: request,
  subject: async (state) => quantile(await follow(state, perSecond), q),
  tearDown: ({ bare, followers }) => {
    for (const follower of followers) follower.close()
    bare.closeAllConnections()
    return new Promise<void>((resolve) => bare.close(() => resolve()))
  },
})

export const scenarios = [
  row({
    ...{ variant: 'quiet, p50', perSecond: 4, followers: 1, q: 0.5 },
    ...{ goal: { value: 10 }, gate: { value: 400 } },
  }),
  row({
    ...{ variant: 'busy, p99, 1,000 followers', perSecond: 10_000, followers: 1_000, q: 0.99 },
    ...{ goal: { value: 150 }, gate: { value: 400 } },
  }),
]
