import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Effort, judge, measure, type Row, roundsOf } from './measure.ts'
import type { Absent, Peer } from './peers/peer.ts'
import type { Bench, Scenario } from './scenario.ts'
import { summarise } from './statistics.ts'

const bench: Bench = { directory: '/nonexistent', installation: () => Promise.reject(new Error('none here')) }
const effort: Effort = {
  ...{ warmUps: 2, longWarmUps: 1, peerRounds: 3, quietBudgetMs: 0, growth: true },
  rounds: { below50Ms: 4, below1s: 2, above: 1 },
}

const scenario = (parts: Partial<Scenario>): Scenario => ({
  ...{ id: 'PF-00', variant: '', title: 'a thing', unit: 'ms', better: 'lower' },
  ...{ goal: { ratio: 2 }, gate: { ratio: 4 } },
  baseline: async () => 10,
  subject: async () => 15,
  ...parts,
})

const run = (
  parts: Partial<Scenario>,
  isQuiet = true,
  peers: readonly (Peer | Absent)[] = [],
): Promise<Row> =>
  measure(scenario(parts), {
    ...{ bench, effort, quiet: { wait: async () => isQuiet }, readUsage: () => null },
    peers: async () => peers,
  })

test('baseline and subject are measured in turn, and warm-ups do not count', async () => {
  const calls: string[] = []
  const row = await run({
    baseline: async () => calls.push('b'),
    subject: async () => calls.push('s'),
  })
  assert.equal(calls.join(''), 'bs'.repeat(6))
  assert.deepEqual(row.figures?.baseline, summarise([5, 7, 9, 11]))
  assert.deepEqual(row.figures?.ratio, summarise([6 / 5, 8 / 7, 10 / 9, 12 / 11]))
})

test('the ratio is made per round: what slows both down changes nothing', async () => {
  const load = [1, 1, 1, 3, 1, 3]
  let round = 0
  const row = await run({
    baseline: async () => 10 * (load[round] ?? 1),
    subject: async () => 15 * (load[round++] ?? 1),
  })
  assert.deepEqual(row.figures?.ratio, summarise([1.5, 1.5, 1.5, 1.5]))
})

test('a row has as many rounds as its samples are short, by what they measured', () => {
  const count = (unit: Scenario['unit'], values: readonly number[], tookMs: number) =>
    roundsOf(effort, { unit }, { values, tookMs })
  assert.equal(count('ms', [9, 24], 300), 4)
  assert.equal(count('ms', [9, 51], 300), 2)
  assert.equal(count('ms', [51, 9], 300), 2)
  assert.equal(count('ms', [9, 24], 1000), 1)
  assert.equal(count('MiB', [9, 24], 300), 2)
  assert.equal(count('MiB', [90, 240], 49), 4)
})

test('a verdict is met, gate or broken', async () => {
  assert.equal((await run({})).verdict, 'met')
  assert.equal((await run({ subject: async () => 30 })).verdict, 'gate')
  assert.equal((await run({ subject: async () => 41 })).verdict, 'broken')
})

test('where more is better the limits are turned around', async () => {
  const rate = { better: 'higher', goal: { ratio: 0.6 }, gate: { ratio: 0.12 } } as const
  assert.equal((await run({ ...rate, subject: async () => 6 })).verdict, 'met')
  assert.equal((await run({ ...rate, subject: async () => 2 })).verdict, 'gate')
  assert.equal((await run({ ...rate, subject: async () => 1 })).verdict, 'broken')
})

test('a limit with a value of its own holds only when both do', async () => {
  assert.equal((await run({ goal: { ratio: 2, value: 14 } })).verdict, 'gate')
  assert.equal((await run({ gate: { value: 14 } })).verdict, 'broken')
})

test('a row without limits has no verdict, unless the machine was busy', async () => {
  assert.equal((await run({ goal: {}, gate: {} })).verdict, null)
  assert.equal((await run({ goal: {}, gate: {} }, false)).verdict, 'contended')
  assert.equal((await run({ gate: {} })).verdict, 'met')
})

test('a baseline that moves makes the row noisy, whatever the ratio', async () => {
  let value = 1
  const row = await run({ baseline: async () => (value *= 1.2), subject: async () => value * 10 })
  assert.equal(row.verdict, 'noisy')
})

test('a machine that is not quiet makes the row contended', async () => {
  assert.equal((await run({ subject: async () => 100 }, false)).verdict, 'contended')
})

test('what cannot be measured is broken, says why, and is torn down', async () => {
  const torn: unknown[] = []
  const row = await run({
    setUp: async () => 'state',
    subject: async () => {
      throw new Error('no follower')
    },
    tearDown: async (state) => void torn.push(state),
  })
  assert.deepEqual([row.verdict, row.error, row.figures, torn], ['broken', 'no follower', null, ['state']])
})

test('growth beyond what is promised breaks the row', async () => {
  const growth = (power: number) => ({
    ...{ of: 'lines', sizes: [1, 2, 5, 10], exponentMax: 1.15 },
    at: async (_: unknown, size: number) => size ** power,
  })
  assert.equal((await run({ growth: growth(1) })).verdict, 'met')
  assert.equal((await run({ growth: growth(1.3) })).verdict, 'broken')
})

test('contended comes before noisy, and both before a broken gate', () => {
  const figures = { ratio: summarise([9]), subject: summarise([9]), growth: null }
  const limits = { better: 'lower', goal: { ratio: 1 }, gate: { ratio: 2 } } as const
  assert.equal(judge(limits, figures, { isQuiet: false, isSteady: false }), 'contended')
  assert.equal(judge(limits, figures, { isQuiet: true, isSteady: false }), 'noisy')
  assert.equal(judge(limits, figures, { isQuiet: true, isSteady: true }), 'broken')
})

test('peers are measured in the same rounds; one that is missing or fails says why and decides nothing', async () => {
  const close = async () => {}
  let asked = 0
  const peers: readonly (Peer | Absent)[] = [
    { ...{ name: 'buildbot', version: '3.7', close }, noOpMs: async () => 200 },
    { ...{ name: 'gitlab-ci-local', version: '4', close }, noOpMs: () => fail(asked++) },
    { name: 'laminar', why: 'laminard not on the path' },
  ]
  const row = await run({ peer: ({ noOpMs }) => noOpMs }, true, peers)
  assert.equal(row.verdict, 'met')
  assert.deepEqual(
    row.figures?.peers.map(({ name, measured, why }) => [name, measured?.value, measured?.ratio.median, why]),
    [
      ['buildbot', summarise([200, 200, 200]), 20, null],
      ['gitlab-ci-local', summarise([200]), 20, 'it broke'],
      ['laminar', undefined, undefined, 'not here: laminard not on the path'],
    ],
  )
})

test('a peer that cannot do what a row measures is not in it', async () => {
  const peer: Peer = { name: 'buildbot', version: '3.7', close: async () => {}, noOpMs: async () => 1 }
  assert.deepEqual((await run({ peer: ({ startMs }) => startMs }, true, [peer])).figures?.peers, [])
  assert.deepEqual((await run({}, true, [peer])).figures?.peers, [])
})

/** Works at the warm-up and in the first round. */
const fail = async (asked: number): Promise<number> => {
  if (asked > 1) throw new Error('it broke')
  return 200
}
