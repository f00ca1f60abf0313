// The commands of the operator: `up`, `down`, `restart`, `backup` and `vault`. `up` prepares the machine and becomes the supervisor
// program (docs/decisions/0003, 0078). main/cli.ts adds them to its program; their zone is loaded only when one is called.
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { Layout, Programs } from '../supervisor/index.ts'
import { handBackFlags, systemClock } from '../sys/index.ts'
import { addBackupCommands } from './backup-commands.ts'
import { sayFault } from './say-fault.ts'
import { listenForStop } from './stop.ts'
import type { SupervisorSettings } from './supervisor.ts'
import { addVaultCommands } from './vault-commands.ts'

type UpFlags = {
  readonly data?: string
  readonly port: number
  readonly runnerPort: number
  readonly localRepos: readonly string[]
  readonly sample: boolean
  readonly verbose: boolean
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, resolve(value)]

const portMax = 65_535
const portOf = (value: string): number => {
  const port = Number(value)
  if (!/^\d+$/.test(value) || port < 1 || port > portMax)
    throw new InvalidArgumentError(`A port is a number from 1 to ${portMax}.`)
  return port
}

/** `home`: the directory of the clone or release, which holds `build/` and `examples/`. */
export const addOperatorCommands = (program: Command, home: string, version: string): void => {
  addBackupCommands(program, { version, layoutOf })
  addVaultCommands(program, layoutOf)
  program
    .command('up')
    .description('start a whole installation on this machine and keep it running')
    .option('--data <dir>', 'where it keeps its data (default /var/lib/mayfly)')
    .option('--port <n>', 'port for people, on localhost', portOf, 8420)
    .option('--runner-port <n>', 'port for runners', portOf, 8421)
    .option(
      '--local-repos <dir>',
      'projects may name repositories below this directory (repeatable)',
      collect,
      [],
    )
    .option('--no-sample', 'do not run the sample project at the first start')
    .option('--verbose', 'show what the programs log', false)
    .action(async (flags: UpFlags) => {
      process.exitCode = await runUp(flags, home)
    })
  program
    .command('down')
    .description('stop the installation that runs on this machine')
    .option('--data <dir>', 'the one whose data lies there')
    .action(async (flags: { data?: string }) => {
      process.exitCode = await runDown(await layoutOf(flags.data))
    })
  program
    .command('restart')
    .description('stop its programs in order and start them with the settings as they are now')
    .option('--data <dir>', 'the one whose data lies there')
    .action(async (flags: { data?: string }) => {
      process.exitCode = await runRestart(await layoutOf(flags.data))
    })
}

const runDown = async (layout: Layout): Promise<number> => {
  const { down } = await import('../supervisor/index.ts')
  try {
    console.error((await down(layout)) ? 'stopped' : 'nothing was running')
    return 0
  } catch (error) {
    return sayFault(error)
  }
}

const itsWords = 'what it said stands where it was started'

const runRestart = async (layout: Layout): Promise<number> => {
  const { restart } = await import('../supervisor/index.ts')
  try {
    const say = (line: string) => console.error(`  ${line}`)
    const restarted = await restart(layout, { say, clock: systemClock })
    if (restarted === null) {
      console.error(`nothing was running: mayfly up${layout.flag}`)
      return 4
    }
    const { tookMs, down } = restarted
    console.error(`${down.length === 0 ? 'healthy' : 'started again'} after ${Math.round(tookMs)} ms`)
    for (const { name, detail, mend } of down) {
      // It was just done.
      const next = mend === null || mend === 'mayfly restart' ? itsWords : mend
      console.error(`  ${name} is down: ${detail}; ${next}`)
    }
    return down.length === 0 ? 0 : 1
  } catch (error) {
    return sayFault(error)
  }
}

const layoutOf = async (data: string | undefined) => {
  const { findLayout } = await import('../supervisor/index.ts')
  const environment = process.env
  return findLayout({
    data: data ?? environment.MAYFLY_DATA,
    environment,
    isRoot: process.getuid?.() === 0,
    uid: process.getuid?.() ?? 0,
  })
}

/** Answers only when there is nothing to supervise: everything else is the supervisor's, in this process. */
const runUp = async (flags: UpFlags, home: string): Promise<number> => {
  const { prepare, releaseLock, requireLocalRepositories } = await import('../supervisor/index.ts')
  const layout = await layoutOf(flags.data)
  // What we make is given its mode explicitly; what a tool makes for us must stay readable for the service users.
  process.umask(0o022)
  const say = (line: string) => console.error(`  ${line}`)
  const stop = listenForStop(say)
  const options = {
    layout,
    port: flags.port,
    runnerPort: flags.runnerPort,
    localRepositories: flags.localRepos,
    withSample: flags.sample,
    from: { build: join(home, 'build'), node: process.execPath, sample: join(home, 'examples/hello') },
  }
  try {
    await requireLocalRepositories(flags.localRepos)
    const prepared = await prepare(options, { clock: systemClock, say })
    if (!stop.aborted) becomeSupervisor(prepared.programs, { options, prepared, isVerbose: flags.verbose })
    await releaseLock(layout)
    return 130
  } catch (error) {
    if (stop.aborted) return 130
    const code = sayFault(error)
    if (flags.verbose) console.error(error)
    return code
  }
}

/**
 * In place of this one: the same process, in the foreground of the same terminal, without what only a command line needs, and on
 * the Node that its programs run on, whose pages are in memory once.
 */
const becomeSupervisor = (programs: Programs, settings: SupervisorSettings): void => {
  // SAFE: paths, ports and user numbers; nothing secret is in the arguments.
  const words = [...handBackFlags, join(programs.directory, 'supervisor.js'), 'up', JSON.stringify(settings)]
  process.execve?.(programs.node, [programs.node, ...words], process.env)
}

/** The directory that holds `build/`: two levels above this file, from source and from a bundle alike. */
export const findHome = (file: string): string => {
  const candidates = [resolve(dirname(file), '..'), resolve(dirname(file), '../..')]
  return candidates.find((path) => existsSync(join(path, 'package.json'))) ?? process.cwd()
}
