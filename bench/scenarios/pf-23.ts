// PF-23, a plan: its commit is known (the API request is sent) until a follower sees that the plan is stored: its jobs, or
// what is wrong with the configuration. Each sample has commits of its own; the sandbox of the compiler waits, as it does in
// any running installation. What a plan brings is cancelled at once: only the plan is measured.
import assert from 'node:assert/strict'
import type { Run } from '../../src/protocol/api/shapes.ts'
import { finalStatuses } from '../../test/support/api.ts'
import { corpusNames, corpusText, repeatedConfiguration } from '../../test/support/damaged-configurations.ts'
import { commitOnBranch, commitWithFile } from '../../test/support/git-host.ts'
import { bwrapFinished, nodeStartAndExit } from '../bare.ts'
import { type LiveMessage, waitUntilPassed } from '../client.ts'
import { startClock } from '../clock.ts'
import type { BenchInstallation } from '../installation.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'
import { type Trigger, withFreshClient } from '../trigger.ts'

type Within = Trigger & { readonly installation: BenchInstallation }
type State = Within & { readonly texts: readonly string[] }

const setUp = async ({ installation }: Bench): Promise<Within> => {
  const under = await installation()
  const { client } = await under.up(slots)
  return { client, project: await under.project('jobs-1', 'path'), installation: under }
}

/** Commits of one second are one commit unless they say something else. */
let made = 0

const planOnce = async (trigger: Trigger): Promise<number> => {
  const commit = commitOnBranch(trigger.project.repository.bare, `planned-${++made}`)
  const { ms, id } = await planOf(trigger, commit)
  await waitUntilPassed(trigger.client, id)
  return ms
}

const planReal = async (trigger: Trigger, text: string): Promise<number> => {
  const file = { path: '.circleci/config.yml', text }
  const commit = commitWithFile(trigger.project.repository.bare, `planned-${++made}`, file)
  const { ms, id } = await planOf(trigger, commit)
  await trigger.client.post(`/api/v1/runs/${id}/cancel`, {})
  const changes = await trigger.client.follow(`run:${id}`)
  await changes.next((message) =>
    message.t === 'run' && finalStatuses.has(message.run.status) ? true : null,
  )
  changes.stop()
  return ms
}

const planOf = async (
  { client, project }: Trigger,
  commit: string,
): Promise<{ readonly ms: number; readonly id: string }> => {
  const elapsed = startClock()
  const { id, plan_of } = await client.post<Run>('/api/v1/runs', { project: project.name, commit })
  if (plan_of !== null) throw new Error('the plan was known already')
  const changes = await client.follow(`run:${id}`)
  await changes.next(isPlanned)
  const ms = elapsed()
  changes.stop()
  return { ms, id }
}

/** Jobs are there, or there will be none. */
const isPlanned = (message: LiveMessage): true | null =>
  message.t === 'run' &&
  (message.jobs.some(({ kind }) => kind !== 'plan') || finalStatuses.has(message.run.status))
    ? true
    : null

const common = { id: 'PF-23', unit: 'ms', better: 'lower' } as const
const baseline = async (): Promise<number> => (await nodeStartAndExit()) + (await bwrapFinished())

const ofCorpus = (choose: (texts: readonly string[]) => readonly string[]) => async (bench: Bench) => {
  assert.ok(corpusNames.length > 0, 'the corpus of real files is absent (../shared/corpus/circleci)')
  return { ...(await setUp(bench)), texts: choose(corpusNames.map(corpusText)) }
}

const scenario: Scenario<State> = {
  ...{ ...common, variant: 'prewarmed', baseline, subject: planOnce },
  setUp: async (bench) => ({ ...(await setUp(bench)), texts: [] }),
  ...{ goal: { ratio: 0.5 }, gate: { ratio: 5 } },
  title: 'Commit known → plan stored, 20-line configuration; baseline Node start + bare bwrap',
}

const largest: Scenario<State> = {
  ...{ ...common, variant: 'largest', baseline, goal: { ratio: 3 }, gate: { ratio: 5 } },
  title: 'Commit known → plan stored, largest real file; baseline Node start + bare bwrap',
  setUp: ofCorpus((texts) => texts.toSorted((a, b) => b.length - a.length).slice(0, 1)),
  subject: ({ texts: [text = ''], ...trigger }) => planReal(trigger, text),
  growth: {
    ...{ of: 'times the largest file', sizes: [1, 2, 5, 10], exponentMax: 1.15 },
    at: ({ texts: [text = ''], ...trigger }, size) => planReal(trigger, repeatedConfiguration(text, size)),
  },
}

const everyFile: Scenario<State> = {
  ...{ ...common, variant: 'corpus', goal: { ratio: 3 }, gate: { ratio: 5 } },
  title: 'Commit known → plan stored, every real file once; baseline as often Node start + bare bwrap',
  setUp: ofCorpus((texts) => texts),
  baseline: ({ texts }) => sumOf(texts, baseline),
  // One connection may say only so much in a while.
  subject: ({ texts, ...within }) =>
    sumOf(inGroups(texts, filesOfConnection), (group) =>
      withFreshClient(within, (trigger) => sumOf(group, (text) => planReal(trigger, text))),
    ),
}

const filesOfConnection = 25
const inGroups = <T>(list: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))

const sumOf = async <T>(list: readonly T[], work: (item: T) => Promise<number>): Promise<number> => {
  let sum = 0
  for (const item of list) sum += await work(item)
  return sum
}

export const scenarios = [scenario, largest, everyFile]
