// The short form of the random kills (`npm run kill` is the long one): fifteen under load, in one installation. A failure
// prints the seed; `npm run kill -- --kills 15 --seed N` repeats it.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runRound } from '../kills/round.ts'

test('fifteen kills at random moments lose nothing, double nothing, exceed no limit and leave nothing', async (context) => {
  const seed = randomInt(1_000_000)
  context.diagnostic(`seed ${seed}`)
  const said: string[] = []
  const round = await runRound({ seed, kills: 15, runsAtOnce: 4, say: (line) => said.push(line) })
  assert.deepEqual(round.violations, [], `seed ${seed}:\n${said.join('\n')}`)
  // What was judged was there.
  assert.ok(round.deliveries.acknowledged > 0 && round.outcome.logsCompared > 0 && round.limits.looks > 0)
})
