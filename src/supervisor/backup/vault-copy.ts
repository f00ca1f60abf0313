// The vault as it is at one moment, for as long as a backup takes to read it: other names for the same files, which the vault replaces
// and never changes. Read where they lie, a record of one moment comes with the value, or with the key of its owner, of another:
// then a secret that was put or revoked meanwhile fails every job that it is for, once the backup is restored.
import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import { run } from '../../sys/index.ts'
import { isLeftBehind, ownMark } from '../left-behind.ts'
import { type Owner, ownerCommand, removeAs } from '../postgres.ts'

type VaultPlace = {
  readonly directory: string
  /** Whose it is: nothing is done there as root. null: ours. */
  readonly owner: Owner | null
}

const prefix = 'copy-'
/** They speak of each other. Each log is whole by itself, and only grows. */
const together = ['store', 'values']
const deadlineMs = 10 * 60_000
const pauseMs = 100
const commandDeadlineMs = 5 * 60_000

/** `work` is told where `vault` lies, without its keyring. */
export const withVaultCopy = async <T>(
  place: VaultPlace,
  signal: AbortSignal,
  work: (parent: string) => Promise<T>,
): Promise<T> => {
  const copy = join(place.directory, `${prefix}${ownMark()}`)
  try {
    const begin = performance.now()
    while (!(await isCopied(place, copy))) {
      signal.throwIfAborted()
      if (performance.now() - begin > deadlineMs)
        throw fault('E_VAULT_UNAVAILABLE', {
          public: 'The vault was changed all the time while a backup was made: make another one',
        })
      await pause(pauseMs)
    }
    return await work(copy)
  } finally {
    await removeAs(place.owner, copy)
  }
}

/** What a backup left that was killed. */
export const sweepVaultCopies = async ({ directory, owner }: VaultPlace): Promise<void> => {
  for (const name of await readdir(directory).catch(() => []))
    if (name.startsWith(prefix) && isLeftBehind(name.slice(prefix.length)))
      await removeAs(owner, join(directory, name))
}

/** Whether nothing was changed while it was made: all of it was there at its end. */
const isCopied = async ({ directory, owner }: VaultPlace, copy: string): Promise<boolean> => {
  await removeAs(owner, copy)
  const isPart = (name: string) => name !== 'keyring' && !name.startsWith(prefix) && !name.endsWith('.tmp')
  const parts = (await readdir(directory)).filter(isPart).map((name) => join(directory, name))
  const to = join(copy, 'vault')
  await asOwner(owner, ['mkdir', '-p', '-m', '700', '--', to])
  await asOwner(owner, ['cp', '--archive', '--link', '--', ...parts, to])
  return (await filesIn(to)) === (await filesIn(directory))
}

/** What goes away meanwhile is no failure: it is looked for afterwards. */
const asOwner = async (owner: Owner | null, command: readonly string[]): Promise<void> => {
  const { file, args } = ownerCommand(owner, command)
  const { code, stderr } = await run(file, args, { timeoutMs: commandDeadlineMs })
  const words = stderr.toString().trim().split('\n')
  if (code !== 0 && !words.every((line) => line.endsWith(': No such file or directory')))
    throw fault('E_CHILD_FAILED', { public: `${command[0]} failed: ${words[0] || 'it took too long'}` })
}

/** Each by the number of its file: a name that was given another one since is told from it. */
const filesIn = async (root: string): Promise<string> => {
  const found = await Promise.all(
    together.map((name) => readdir(join(root, name), { recursive: true, withFileTypes: true })),
  )
  const files = found.flat().filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
  const lines = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    const facts = await lstat(path, { bigint: true }).catch(() => null)
    return `${relative(root, path)} ${facts?.ino}`
  })
  return (await Promise.all(lines)).sort().join('\n')
}
