// `npm run bench [id …]`: measures scenarios against their baselines in the same run and prints ratios
// (performance.md §4). Exits 1 when a gate is broken; noisy and contended rows decide nothing.
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { repository } from '../test/support/installation.ts'
import { compareWith } from './against/against.ts'
import { resolveCommit } from './against/other-commit.ts'
import { comparisonsToJson, formatComparisons, verdictOf } from './against/report.ts'
import { endOnSignals } from './ending.ts'
import { runFleet } from './fleet/fleet.ts'
import { type HeldInstallation, holdInstallation } from './held-installation.ts'
import { launcher } from './installation.ts'
import { describeOrigin } from './machine.ts'
import { type Effort, efforts, measure, type Row } from './measure.ts'
import type { PeerChoice } from './peers/peer.ts'
import { createPeers, type Peers } from './peers/peers.ts'
import { profileSamples } from './profiling/profile.ts'
import { createQuiet } from './quiet.ts'
import { formatFigures, formatTable, formatVerdicts, toJson } from './report.ts'
import { nameOf, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { traceSample } from './tracing/trace.ts'

const help = `npm run bench -- [id …] [--quick | --full] [--json FILE] [--against REV] [--peers all|npm|none]

Measures what performance is promised, each as a ratio to its baseline in the same run, and judges goal and gate.
  id …         only these, for example PF-03 PF-20; default: all
  --quick      few rounds, under five minutes (default)
  --full       all rounds, and how costs grow with size
  --json FILE  the results for tools
  --peers      other systems beside, in the same rounds: gitlab-ci-local (npm) and, with \`all\`, Buildbot (installed by
               apt-get when it is not there) and Laminar (when laminard is on the path). They listen on loopback only. Default: none
Starts one installation of its own on this machine and stops it again. Needs root, and an otherwise quiet machine.
  --against REV  that commit beside this one, both in turn in the same run, and what changed: only what 19 of 20 draws of the
               rounds show, and more than 3 %, is called faster or slower
  --trace ROW  one sample of a row as a waterfall, from the traces that an installation sends
  --profile ROW  profiles of server and runner while they do what the row samples, into bench-profiles/
The fleet simulation: npm run bench fleet -- --help`

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      json: { type: 'string' },
      against: { type: 'string' },
      trace: { type: 'string' },
      profile: { type: 'string' },
      peers: { type: 'string', default: 'none' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const wanted = positionals.map((word) => word.toUpperCase())
  const unknown = wanted.filter((id) => !scenarios.some((scenario) => scenario.id === id))
  const peers = peerChoices.find((choice) => choice === values.peers)
  if (values.help === true || unknown.length > 0 || peers === undefined || (values.quick && values.full)) {
    for (const id of unknown) console.error(`there is no ${id}: ${idsOf(scenarios).join(' ')}`)
    console.log(help)
    return values.help === true ? 0 : 2
  }
  const look = values.trace ?? values.profile
  if (look !== undefined) return lookAt(look, values.trace === undefined ? 'profile' : 'trace')
  const chosen = scenarios.filter(({ id }) => wanted.length === 0 || wanted.includes(id))
  const effort = values.full === true ? 'full' : 'quick'
  if (values.against !== undefined) return runAgainst(values.against, chosen, { effort, json: values.json })
  return run(chosen, { effort, json: values.json, peers })
}

const peerChoices = ['all', 'npm', 'none'] as const satisfies readonly PeerChoice[]

type Wishes = {
  readonly effort: keyof typeof efforts
  readonly json: string | undefined
  readonly peers: PeerChoice
}

const idsOf = (list: readonly Scenario[]): readonly string[] => [...new Set(list.map(({ id }) => id))].sort()

const run = async (chosen: readonly Scenario[], { effort, json, peers: choice }: Wishes): Promise<number> => {
  if (!buildIsFresh()) return exitOfBuild
  const directory = await makeDirectory()
  const origin = describeOrigin(repository, directory)
  const held = holdInstallation(directory)
  const peers = createPeers(choice, directory)
  const end = async () => {
    await peers.close()
    await held.close()
    await rm(directory, { recursive: true, force: true })
  }
  endOnSignals(end)
  const rows: Row[] = []
  try {
    for (const scenario of chosen)
      rows.push(await measureAloud(scenario, { directory, held, effort: efforts[effort], peers }))
  } finally {
    await end()
  }
  console.log(`\n${formatTable(rows)}`)
  console.log(formatVerdicts(rows))
  if (json !== undefined) await writeFile(json, `${JSON.stringify(toJson(origin, rows), null, 2)}\n`)
  return rows.some(({ verdict }) => verdict === 'broken') ? 1 : 0
}

/** One row, by its name or the first of its id: a look inside, which times nothing. */
const lookAt = async (wanted: string, how: 'trace' | 'profile'): Promise<number> => {
  const isWanted = (name: string) => name.toUpperCase() === wanted.toUpperCase()
  const scenario = scenarios.find((row) => isWanted(nameOf(row))) ?? scenarios.find(({ id }) => isWanted(id))
  if (scenario === undefined) {
    console.error(`there is no ${wanted}: ${scenarios.map(nameOf).join(', ')}`)
    return 2
  }
  if (!buildIsFresh()) return exitOfBuild
  const directory = await makeDirectory()
  try {
    if (how === 'trace') console.log(await traceSample(scenario, directory))
    else for (const file of await profileSamples(scenario, directory, 'bench-profiles')) console.log(file)
    return 0
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The users of the installation pass through it. */
const makeDirectory = async (): Promise<string> => {
  const directory = await mkdtemp('/var/tmp/mayfly-bench-')
  await chmod(directory, 0o711)
  return directory
}

const runAgainst = async (
  revision: string,
  chosen: readonly Scenario[],
  { effort, json }: Omit<Wishes, 'peers'>,
): Promise<number> => {
  const commit = resolveCommit(revision)
  if (commit === null) {
    console.error(`there is no commit ${revision} here`)
    return 2
  }
  const origin = describeOrigin(repository, '/var/tmp')
  const comparisons = await compareWith(commit, chosen, efforts[effort], (comparison) =>
    process.stderr.write(`${nameOf(comparison.scenario)}: ${comparison.error ?? verdictOf(comparison)}\n`),
  )
  console.log(`\n${formatComparisons(commit, comparisons)}`)
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify(comparisonsToJson(origin, commit, comparisons), null, 2)}\n`)
  return comparisons.some(({ change }) => change === null) ? 1 : 0
}

const exitOfBuild = 11

/** The launcher builds what changed: what we measure is what a user would start. It says itself what went wrong. */
const buildIsFresh = (): boolean =>
  spawnSync('sh', [launcher, '--version'], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0

type Around = {
  readonly directory: string
  readonly held: HeldInstallation
  readonly effort: Effort
  readonly peers: Peers
}

const measureAloud = async (scenario: Scenario, { directory, held, effort, peers }: Around): Promise<Row> => {
  process.stderr.write(`${nameOf(scenario)} … `)
  const row = await measure(scenario, {
    bench: { directory, installation: held.installation },
    effort,
    quiet: createQuiet(effort.quietBudgetMs),
    readUsage: () => held.current()?.usage() ?? null,
    peers: peers.open,
  })
  // A bench that is interrupted has said what it found until then.
  process.stderr.write(`${row.error ?? row.verdict ?? 'measured'}${formatFigures(row)}\n`)
  return row
}

const [first, ...others] = process.argv.slice(2)
process.exitCode = first === 'fleet' ? await runFleet(others) : await main()
