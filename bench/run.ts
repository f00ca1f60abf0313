// `npm run bench [id …]`: measures scenarios against their baselines in the same run and prints ratios
// (performance.md §4). Exits 1 when a gate is broken; noisy and contended rows decide nothing.
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { repository } from '../test/support/installation.ts'
import { runFleet } from './fleet/fleet.ts'
import { type BenchInstallation, launcher, openBenchInstallation } from './installation.ts'
import { describeOrigin } from './machine.ts'
import { type Effort, efforts, measure, type Row } from './measure.ts'
import type { PeerChoice } from './peers/peer.ts'
import { createPeers, type Peers } from './peers/peers.ts'
import { createQuiet } from './quiet.ts'
import { formatFigures, formatTable, formatVerdicts, toJson } from './report.ts'
import { nameOf, type Scenario } from './scenario.ts'
import { scenarios as pf01 } from './scenarios/pf-01.ts'
import { scenarios as pf02 } from './scenarios/pf-02.ts'
import { scenarios as pf03 } from './scenarios/pf-03.ts'
import { scenarios as pf04 } from './scenarios/pf-04.ts'
import { scenarios as pf05 } from './scenarios/pf-05.ts'
import { scenarios as pf06 } from './scenarios/pf-06.ts'
import { scenarios as pf07 } from './scenarios/pf-07.ts'
import { scenarios as pf08 } from './scenarios/pf-08.ts'
import { scenarios as pf10 } from './scenarios/pf-10.ts'
import { scenarios as pf11 } from './scenarios/pf-11.ts'
import { scenarios as pf12 } from './scenarios/pf-12.ts'
import { scenarios as pf13 } from './scenarios/pf-13.ts'
import { scenarios as pf14 } from './scenarios/pf-14.ts'
import { scenarios as pf15 } from './scenarios/pf-15.ts'
import { scenarios as pf20 } from './scenarios/pf-20.ts'
import { scenarios as pf21 } from './scenarios/pf-21.ts'
import { scenarios as pf22 } from './scenarios/pf-22.ts'
import { scenarios as pf23 } from './scenarios/pf-23.ts'
import { scenarios as pf35 } from './scenarios/pf-35.ts'
import { scenarios as pf40 } from './scenarios/pf-40.ts'
import { scenarios as pf43 } from './scenarios/pf-43.ts'
import { scenarios as pf44 } from './scenarios/pf-44.ts'
import { scenarios as pf45 } from './scenarios/pf-45.ts'
import { scenarios as pf46 } from './scenarios/pf-46.ts'
import { scenarios as pf47 } from './scenarios/pf-47.ts'
import { scenarios as pf48 } from './scenarios/pf-48.ts'

const help = `npm run bench -- [id …] [--quick | --full] [--json FILE] [--peers all|npm|none]

Measures what performance is promised, each as a ratio to its baseline in the same run, and judges goal and gate.
  id …         only these, for example PF-03 PF-20; default: all
  --quick      few rounds, under five minutes (default)
  --full       all rounds, and how costs grow with size
  --json FILE  the results for tools
  --peers      other systems beside, in the same rounds: gitlab-ci-local (npm) and, with \`all\`, Buildbot (installed by
               apt-get when it is not there) and Laminar (when laminard is on the path). They listen on loopback only. Default: none
Starts one installation of its own on this machine and stops it again. Needs root, and an otherwise quiet machine.
The fleet simulation: npm run bench fleet -- --help
Not there yet: --against REV (two commits in turn).`

/** In the order they are measured: the machine alone, one installation, then its starts. */
const scenarios: readonly Scenario[] = [
  ...[...pf13, ...pf14, ...pf15, ...pf20, ...pf21, ...pf22, ...pf40, ...pf08],
  ...[
    ...pf03,
    ...pf04,
    ...pf46,
    ...pf06,
    ...pf23,
    ...pf47,
    ...pf01,
    ...pf02,
    ...pf10,
    ...pf11,
    ...pf12,
    ...pf05,
  ],
  ...[...pf45, ...pf07, ...pf35, ...pf48, ...pf43, ...pf44],
]

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      json: { type: 'string' },
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
  const chosen = scenarios.filter(({ id }) => wanted.length === 0 || wanted.includes(id))
  return run(chosen, { effort: values.full === true ? 'full' : 'quick', json: values.json, peers })
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
  const directory = await mkdtemp('/var/tmp/mayfly-bench-')
  // The users of the installation pass through it.
  await chmod(directory, 0o711)
  const origin = describeOrigin(repository, directory)
  const held = holdInstallation(directory)
  const peers = createPeers(choice, directory)
  const end = async () => {
    await peers.close()
    await held.close()
    await rm(directory, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().finally(() => process.exit(exitOfInterrupt)))
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

const exitOfBuild = 11
const exitOfInterrupt = 130

/** The launcher builds what changed: what we measure is what a user would start. It says itself what went wrong. */
const buildIsFresh = (): boolean =>
  spawnSync('sh', [launcher, '--version'], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0

type Around = {
  readonly directory: string
  readonly held: ReturnType<typeof holdInstallation>
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

/** Made when first asked for, shared by all scenarios, stopped at the end whatever happened. */
const holdInstallation = (directory: string) => {
  let opening: Promise<BenchInstallation> | null = null
  let opened: BenchInstallation | null = null
  return {
    installation: async () => {
      opening ??= openBenchInstallation(directory)
      opened = await opening
      return opened
    },
    current: () => opened,
    close: async () => {
      await (await opening?.catch(() => null))?.close()
    },
  }
}

const [first, ...others] = process.argv.slice(2)
process.exitCode = first === 'fleet' ? await runFleet(others) : await main()
