// `npm run kill -- [--kills 200] [--seed N] [--report FILE]`: kill -9 of every part at random moments under load, in rounds
// of fifty, each with an installation of its own and the next seed. Prints every kill, what became of the load, and ends
// with 1 when anything was lost, doubled, over a limit or left behind. A round can be repeated by its seed.
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Round, runRound } from '../test/kills/round.ts'

const killsPerRound = 50
const runsAtOnce = 8

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    report: { type: 'string' },
  },
})
const total = Number(values.kills)
const firstSeed = Number(values.seed)
if (!Number.isSafeInteger(total) || total < 1 || !Number.isSafeInteger(firstSeed)) {
  console.error('npm run kill -- [--kills 200] [--seed N] [--report FILE]')
  process.exit(2)
}

const sumUp = (round: Round): string =>
  [
    `seed ${round.seed}: ${wordsOf(round.kills)}`,
    `  deliveries: ${round.deliveries.sent} sent, ${round.deliveries.acknowledged} acknowledged`,
    `  runs: ${wordsOf(round.outcome.runs)}`,
    `  attempts: ${wordsOf(round.outcome.attempts)}; ${round.outcome.logsCompared} logs compared line by line`,
    `  limits: ${round.limits.looks} looks, most at once ${wordsOf(round.limits.most)}, on the machine ${wordsOf(round.limits.mostOnMachine)}`,
    `  final ${(round.settledMs / 1000).toFixed(1)} s after the last kill`,
    ...round.violations.map((violation) => `  WRONG: ${violation}`),
  ].join('\n')

const wordsOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')

// What is killed is what a user would start.
const built = spawnSync(process.execPath, [join(import.meta.dirname, 'build.ts')], { stdio: 'inherit' })
if (built.status !== 0) process.exit(11)
console.log(`${total} kills, seed ${firstSeed}`)
const rounds: Round[] = []
for (let left = total; left > 0; left -= killsPerRound) {
  const seed = firstSeed + rounds.length
  const round = await runRound({
    seed,
    kills: Math.min(left, killsPerRound),
    runsAtOnce,
    say: (line) => console.log(line),
  })
  rounds.push(round)
  console.log(`\n${sumUp(round)}\n`)
}
if (values.report !== undefined) await writeFile(values.report, `${JSON.stringify(rounds, null, 2)}\n`)
const wrong = rounds.flatMap(({ violations }) => violations).length
console.log(
  wrong === 0
    ? `${total} kills: nothing lost, doubled, over a limit or left behind`
    : `${wrong} things went wrong`,
)
process.exitCode = wrong === 0 ? 0 : 1
