// `npm run bench -- --against REV`: this commit and another in turn in the same run, round by round, and what changed
// (performance.md §4). The one that begins a round ends the next, so that neither always comes second.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../../test/support/installation.ts'
import { startClock } from '../clock.ts'
import { endOnSignals } from '../ending.ts'
import { type Effort, roundsOf } from '../measure.ts'
import { createQuiet, type Quiet } from '../quiet.ts'
import { nameOf, type Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'
import { type Change, changeOf, type Round } from './change.ts'
import { checkOutBeside } from './other-commit.ts'
import { startWorker, type Worker } from './workers.ts'

export type Comparison = {
  readonly scenario: Scenario
  readonly before: number | null
  readonly now: number | null
  readonly change: Change | null
  /** False: the machine was busy with other things. */
  readonly isQuiet: boolean
  /** Why there is no change to tell. */
  readonly error: string | null
}

type Pair = { readonly before: Worker; readonly now: Worker }

/** `tell` hears each row when it is known. */
export const compareWith = async (
  commit: string,
  chosen: readonly Scenario[],
  effort: Effort,
  tell: (comparison: Comparison) => void,
): Promise<readonly Comparison[]> => {
  const directory = await mkdtemp('/var/tmp/mayfly-bench-')
  // The users of the installations pass through it.
  await chmod(directory, 0o711)
  const workers: Worker[] = []
  const start = async (checkout: string, name: string) => {
    const worker = await startWorker(checkout, join(directory, name))
    workers.push(worker)
    return worker
  }
  const end = async () => {
    await Promise.all(workers.map((worker) => worker.close()))
    await rm(directory, { recursive: true, force: true })
  }
  endOnSignals(end)
  try {
    const other = join(directory, 'other')
    await checkOutBeside(commit, other)
    const pair = { before: await start(other, 'before'), now: await start(repository, 'now') }
    const comparisons: Comparison[] = []
    for (const scenario of chosen) {
      const comparison = await compare(pair, scenario, effort)
      tell(comparison)
      comparisons.push(comparison)
    }
    return comparisons
  } finally {
    await end()
  }
}

const compare = async (pair: Pair, scenario: Scenario, effort: Effort): Promise<Comparison> => {
  const nothing = { scenario, before: null, now: null, change: null, isQuiet: true }
  try {
    const open = { do: 'open', name: nameOf(scenario) } as const
    await pair.before.ask(open)
    await pair.now.ask(open)
    const quiet = createQuiet(effort.quietBudgetMs)
    const { rounds, isQuiet } = await play(pair, { scenario, effort, quiet })
    const [before, now] = [median(rounds.map((each) => each.before)), median(rounds.map((each) => each.now))]
    return { scenario, before, now, change: changeOf(rounds, scenario.better), isQuiet, error: null }
  } catch (error) {
    return { ...nothing, error: error instanceof Error ? error.message : String(error) }
  } finally {
    for (const worker of [pair.before, pair.now]) await worker.ask({ do: 'close' }).catch(() => undefined)
  }
}

const play = async (
  pair: Pair,
  {
    scenario,
    effort,
    quiet,
  }: { readonly scenario: Scenario; readonly effort: Effort; readonly quiet: Quiet },
): Promise<{ readonly rounds: readonly Round[]; readonly isQuiet: boolean }> => {
  const sample = { do: 'sample' } as const
  const elapsed = startClock()
  let last = { values: [0], tookMs: 0 }
  for (let round = 0; round < effort.warmUps; round++) {
    const began = elapsed()
    const values = [await pair.before.ask(sample), await pair.now.ask(sample)]
    last = { values, tookMs: elapsed() - began }
  }
  const count = roundsOf(effort, scenario, last)
  const rounds: Round[] = []
  let isQuiet = true
  for (let round = 0; round < count; round++) {
    isQuiet = (await quiet.wait()) && isQuiet
    const first = round % 2 === 0 ? 'before' : 'now'
    const a = await pair[first].ask(sample)
    const b = await pair[first === 'before' ? 'now' : 'before'].ask(sample)
    rounds.push(first === 'before' ? { before: a, now: b } : { before: b, now: a })
  }
  return { rounds, isQuiet }
}
