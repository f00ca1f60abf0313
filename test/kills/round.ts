// One round of random kills: an installation of its own under load, `kills` times kill -9 of a part of chance at a moment of
// chance, then rest, then judgement. The seed decides parts, victims and moments; what the machine makes of them it decides.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leaseTtlMs } from '../../src/protocol/runner-wire.ts'
import { createApi } from '../support/api.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { openState, type State } from '../support/installation-state.ts'
import { findLeftovers, installationName } from '../support/leftovers.ts'
import { createRandom, type Random } from '../support/random.ts'
import { type Load, openLoad, slots } from './load.ts'
import { type Census, createCensus, isPart, type Part, parts } from './processes.ts'
import { countUnfinished, judgeEnd, type Outcome, type Tally } from './verdict.ts'
import { type Watched, watchLimits } from './watch.ts'

export type Round = {
  readonly seed: number
  readonly kills: Tally
  readonly deliveries: { readonly sent: number; readonly acknowledged: number }
  readonly outcome: Outcome
  readonly limits: Watched
  /** From the last kill until everything was final. */
  readonly settledMs: number
  /** Everything that went wrong, in words; empty when all held. */
  readonly violations: readonly string[]
}

export type RoundOptions = {
  readonly seed: number
  readonly kills: number
  /** How many are kept under way: so many that something is in every state, not so many that the rest takes long. */
  readonly runsAtOnce: number
  /** One line for each kill. */
  readonly say: (line: string) => void
}

/** Between two kills, in milliseconds. */
const pause = { min: 200, max: 4_000 }
const settleDeadlineMs = 3 * leaseTtlMs

export const runRound = async (options: RoundOptions): Promise<Round> => {
  const repositories = await mkdtemp(join(tmpdir(), 'mayfly-kills-'))
  await chmod(repositories, 0o755)
  const args = ['--no-sample', '--local-repos', repositories]
  const installation = await openInstallation({ args, settings: `slots: ${slots}\n` })
  const { data, run } = installation
  const name = installationName(data)
  const census = createCensus(name, () => installation.pid)
  try {
    const round = await killUnderLoad(options, { installation, repositories, census })
    await installation.close()
    const left = [
      ...endedByThemselves(installation.output()),
      ...findLeftovers({ data, run, installation: name }),
      ...census.survivors().map(({ pid, line }) => `process ${pid} outlived its installation: ${line}`),
    ]
    return { ...round, violations: [...round.violations, ...left] }
  } finally {
    await installation.close()
    await rm(repositories, { recursive: true, force: true })
  }
}

/** A program that was not killed has to outlive those that were. With what was said before it ended: that tells why. */
const endedByThemselves = (output: string): readonly string[] => {
  const lines = output.split('\n')
  return lines.flatMap((line, i) =>
    line.includes('"program ended, starting it again"') && !line.includes('"SIGKILL"')
      ? [['ended by itself:', ...lines.slice(Math.max(0, i - linesBefore), i + 1)].join('\n    ')]
      : [],
  )
}

const linesBefore = 12

type Under = {
  readonly installation: TestInstallation
  readonly repositories: string
  readonly census: Census
}

const killUnderLoad = async (
  { seed, kills, runsAtOnce, say }: RoundOptions,
  { installation, repositories, census }: Under,
): Promise<Round> => {
  const load = await openLoad(installation, repositories)
  const state = openState(installation)
  const watchedState = openState(installation)
  const [quiet, stop] = [new AbortController(), new AbortController()]
  try {
    const watching = watchLimits({ state: watchedState, census }, stop.signal)
    const loading = keepLoaded({ load, state, runsAtOnce, random: createRandom(seed ^ 0x5eed) }, quiet.signal)
    await waitFor('jobs to run', async () => ((await state.ask(someRunning)).length > 0 ? true : null))
    const done = await killAtRandom(census, { seed, kills, say })
    quiet.abort()
    await loading
    const began = performance.now()
    const isSettled = await waitFor(
      'rest',
      async () => (await countUnfinished(state)) === 0,
      settleDeadlineMs,
    ).then(
      () => true,
      () => false,
    )
    const settledMs = performance.now() - began
    stop.abort()
    const limits = await watching
    const outcome = await judgeEnd(state, createApi(installation), load.sent)
    const unfinished = isSettled ? [] : [`not everything was final after ${settleDeadlineMs} ms`]
    const acknowledged = load.sent.filter(({ delivery }) => delivery !== null).length
    return {
      ...{ seed, kills: done, outcome, limits, settledMs },
      deliveries: { sent: load.sent.length, acknowledged },
      violations: [...unfinished, ...limits.violations, ...outcome.violations],
    }
  } finally {
    quiet.abort()
    stop.abort()
    await Promise.all([state.close(), watchedState.close()])
  }
}

const someRunning = `
  select from attempts a join jobs j on j.id = a.job_id where a.status = 'running' and j.kind = 'job' limit 1`

const keepLoaded = async (
  {
    load,
    state,
    runsAtOnce,
    random,
  }: Pick<RoundOptions, 'runsAtOnce'> & {
    readonly load: Load
    readonly state: State
    readonly random: Random
  },
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    const rows = await state.tryAsk<{ count: number }>(
      'select count(*)::int as count from runs where finished_at is null',
    )
    if ((rows?.[0]?.count ?? runsAtOnce) < runsAtOnce) await load.send(random)
    else await sleep(100)
  }
}

const killAtRandom = async (
  census: Census,
  { seed, kills, say }: Omit<RoundOptions, 'runsAtOnce'>,
): Promise<Tally> => {
  const random = createRandom(seed)
  const done: Record<string, number> = {}
  for (let nth = 1; nth <= kills; nth++) {
    const part = parts[random(parts.length)] ?? 'server'
    const afterMs = pause.min + random(pause.max - pause.min)
    const choice = random(1_000_000)
    await sleep(afterMs)
    const line = await killOne(census, part, choice)
    done[part] = (done[part] ?? 0) + 1
    say(`${nth}/${kills} after ${afterMs} ms: ${part}, ${line}`)
  }
  return done
}

/** A part that is away is waited for: it has to come back. */
const killOne = async (census: Census, part: Part, choice: number): Promise<string> =>
  waitFor(`a ${part} to kill`, () => {
    const candidates = census.look().filter((process) => isPart(part, process))
    const victim = candidates[choice % Math.max(1, candidates.length)]
    if (victim === undefined) return null
    try {
      process.kill(victim.pid, 'SIGKILL')
    } catch {
      return null // gone since it was seen
    }
    return `process ${victim.pid} ${victim.line.replace(/^\S*\//, '').slice(0, 60)}`
  })
