// `mayfly backup create|verify|restore|list`: commands of the operator on the installation's own machine. Added to the
// program by main/supervisor.ts.
import type { Command } from 'commander'
import { isFault } from '../base/faults.ts'
import { plural } from '../base/plural.ts'
import { randomBytes, systemClock } from '../sys/index.ts'
import { sayFault } from './say-fault.ts'

type Common = { readonly data?: string; readonly json?: boolean }
type From = Common & { readonly rootKey?: string; readonly keyring?: string }

export type BackupSurroundings = {
  readonly version: string
  readonly layoutOf: (data: string | undefined) => Promise<import('../supervisor/index.ts').Layout>
}

export const addBackupCommands = (program: Command, around: BackupSurroundings): void => {
  const backup = program.command('backup').description('backups of the installation on this machine')
  const common = (command: Command): Command =>
    command
      .option('--data <dir>', 'the installation whose data lies there')
      .option('--json', 'print JSON, the same objects as the API')
  const from = (command: Command): Command =>
    common(command)
      .option('--root-key <file>', 'the root key; default: that of this installation')
      .option('--keyring <file>', 'keyring.mfb, when it is kept apart from the rest')
  common(backup.command('create'))
    .description('seal database, objects, vault and settings into a directory; the root key is never in it')
    .requiredOption('--to <dir>', 'a new directory is made in this one')
    .action((flags: Common & { to: string }) => carryOut(flags, (signal) => create(around, flags, signal)))
  common(backup.command('list'))
    .alias('ls')
    .description('backups that were made, and when they were proven')
    .action((flags: Common) => carryOut(flags, () => list(around, flags)))
  from(backup.command('verify <dir>'))
    .description('open all of it and load it elsewhere: proves that it could be restored')
    .action((dir: string, flags: From) => carryOut(flags, (signal) => verify(around, flags, { dir, signal })))
  from(backup.command('restore <dir>'))
    .description('make the installation again, in an empty data directory')
    .action((dir: string, flags: From) =>
      carryOut(flags, (signal) => restore(around, flags, { dir, signal })),
    )
}

const say = (line: string): void => console.error(`  ${line}`)

/** `words` are for people; JSON only when asked for. */
type Told = { readonly value: unknown; readonly words: string }

const brokenOff = 130

const carryOut = async (flags: Common, work: (signal: AbortSignal) => Promise<Told>): Promise<void> => {
  const stop = new AbortController()
  // Once each: whoever asks twice waits for no cleaning up.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  try {
    const { value, words } = await work(stop.signal)
    console.log(flags.json ? JSON.stringify(value) : words)
  } catch (error) {
    if (stop.signal.aborted) {
      console.error('mayfly: broken off')
      process.exitCode = brokenOff
    } else if (flags.json && isFault(error)) {
      const { number: code, title, exit } = error.row
      console.error(JSON.stringify({ code, title, detail: error.public }))
      process.exitCode = exit
    } else process.exitCode = sayFault(error)
  }
}

const create = async (
  { layoutOf, version }: BackupSurroundings,
  flags: Common & { to: string },
  signal: AbortSignal,
) => {
  const { createBackup } = await import('../supervisor/index.ts')
  const layout = await layoutOf(flags.data)
  const value = await createBackup(
    { layout, clock: systemClock, randomBytes, version, say, signal },
    flags.to,
  )
  say(`the root key ${layout.rootKey} is not in it: keep a copy somewhere else, without it nobody opens this`)
  return { value, words: value.directory }
}

const list = async ({ layoutOf }: BackupSurroundings, flags: Common) => {
  const { listBackups } = await import('../supervisor/index.ts')
  const items = await listBackups(await layoutOf(flags.data))
  const lines = items.map(({ id, made_at, bytes, verified_at }) =>
    [id, made_at, bytes, verified_at ?? 'never proven'].join('\t'),
  )
  return {
    value: { items, next_cursor: null },
    words: lines.length === 0 ? 'there is none' : lines.join('\n'),
  }
}

type Asked = { readonly dir: string; readonly signal: AbortSignal }

const verify = async ({ layoutOf }: BackupSurroundings, flags: From, { dir, signal }: Asked) => {
  const { verifyBackup } = await import('../supervisor/index.ts')
  const layout = await layoutOf(flags.data)
  const value = await verifyBackup({ layout, randomBytes, say, signal }, placeOf(flags, dir, layout.rootKey))
  const { made_at, projects, runs, logs, objects } = value
  const stored = `${plural(logs, 'stored log')}, ${plural(objects, 'archive')} of files`
  return {
    value,
    words: `proven: of ${made_at}, ${plural(projects, 'project')}, ${plural(runs, 'run')}, ${stored}`,
  }
}

const restore = async ({ layoutOf }: BackupSurroundings, flags: From, { dir, signal }: Asked) => {
  const { restoreBackup } = await import('../supervisor/index.ts')
  const layout = await layoutOf(flags.data)
  const deps = { layout, clock: systemClock, randomBytes, say, signal }
  const value = await restoreBackup(deps, placeOf(flags, dir, layout.rootKey))
  return {
    value,
    words: `restored to ${value.data}, as of ${value.made_at}. Start it with: mayfly up${layout.flag}`,
  }
}

const placeOf = (flags: From, directory: string, rootKey: string) => ({
  directory,
  rootKey: flags.rootKey ?? rootKey,
  ...(flags.keyring === undefined ? {} : { keyring: flags.keyring }),
})
