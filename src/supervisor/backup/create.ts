// `mayfly backup create`: database, objects, vault store, settings and keys of a running installation, sealed, into a
// directory of its own. The order makes them fit: whatever the dump names was there before it and stays until it was read,
// and objects and vault records that come later do no harm; the vault's are of one moment. The root key is in none of it.
import { chmod, lstat, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { toBase64Url } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { formatId, uuid7 } from '../../base/ids.ts'
import { ensureDirectory, isDiskFull, syncDirectory, writeFileDurably } from '../../sys/index.ts'
import type { Layout } from '../layout.ts'
import { callOperator } from '../operator.ts'
import { sweepLeftBehind } from '../sweep.ts'
import { ensureUsers } from '../users.ts'
import { withDatabase } from './database.ts'
import {
  type BackupKeys,
  backupKeys,
  fileOf,
  type Manifest,
  manifestFile,
  type Part,
  type PartName,
  signManifest,
} from './manifest.ts'
import { type Command, partDeadlineMs, sealPart } from './parts.ts'
import { readRootKey } from './root-key.ts'
import { withVaultCopy } from './vault-copy.ts'

export type BackupDeps = {
  readonly layout: Layout
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly version: string
  readonly say: (line: string) => void
  /** Whoever asked for it breaks it off. */
  readonly signal: AbortSignal
}

export type MadeBackup = {
  readonly id: string
  readonly made_at: string
  readonly directory: string
  readonly bytes: number
}

/** Into a new directory below `to`; nothing is left of one that failed. */
export const createBackup = async (deps: BackupDeps, to: string): Promise<MadeBackup> => {
  const { layout, clock, randomBytes } = deps
  await requireRunning(layout)
  const at = clock.now()
  const id = formatId('backup', uuid7(at, randomBytes(10)))
  const made_at = new Date(at).toISOString()
  const directory = join(
    resolve(to),
    `mayfly-${made_at.slice(0, 19).replaceAll(/[:-]/g, '')}Z-${id.slice(-6)}`,
  )
  const fresh = `${directory}.new`
  await ensureDirectory(fresh).catch((cause: NodeJS.ErrnoException) => {
    throw fault('E_INPUT', {
      public: `${resolve(to)} takes no directory of yours (${cause.code}): name another place with --to`,
      cause,
    })
  })
  await chmod(fresh, 0o700)
  await sweepHalfMade(resolve(to), at)
  try {
    const manifest = await fill(deps, { id, made_at, fresh })
    await rename(fresh, directory)
    await syncDirectory(resolve(to))
    const bytes = bytesOf(manifest)
    await callOperator(layout, 'POST', '/api/v1/operator/backups', {
      id,
      made_at,
      bytes,
      verified: false,
    }).catch(
      // It is there and whole.
      () => deps.say(`the server did not note it down: mayfly backup verify ${directory} does`),
    )
    return { id, made_at, directory, bytes }
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    if (!isDiskFull(error)) throw error
    throw fault('E_DISK_FULL', { public: `There is no room in ${resolve(to)} for this backup`, cause: error })
  }
}

/** What was killed. It may be another machine's, and no part is made for longer than its deadline. */
const sweepHalfMade = async (directory: string, now: number): Promise<void> => {
  for (const name of await readdir(directory)) {
    if (!/^mayfly-\d{8}T\d{6}Z-[0-9a-v]{6}\.new$/.test(name)) continue
    const path = join(directory, name)
    const inside = await readdir(path).catch(() => [])
    const written = await Promise.all(
      [path, ...inside.map((part) => join(path, part))].map((each) => lstat(each).catch(() => null)),
    )
    if (written.every((facts) => facts !== null && facts.mtimeMs < now - 2 * partDeadlineMs))
      await rm(path, { recursive: true, force: true })
  }
}

export const bytesOf = (manifest: Manifest): number =>
  manifest.parts.reduce((sum, { bytes }) => sum + bytes, 0)

const fill = async (
  deps: BackupDeps,
  { id, made_at, fresh }: { id: string; made_at: string; fresh: string },
): Promise<Manifest> => {
  const { layout, randomBytes, version } = deps
  const salt = toBase64Url(randomBytes(32))
  const keys = await backupKeys(await readRootKey(layout.rootKey), salt)
  const installation = (await readFile(join(layout.etc, 'installation'), 'utf8')).trim()
  const parts = await sealAll(deps, { id, fresh, keys })
  const content = { format: 'mayfly-backup-1', installation, version, made_at, salt, parts } as const
  // SAFE: made by formatId above.
  const manifest = signManifest({ ...content, id: id as Manifest['id'] }, keys)
  await writeFileDurably(join(fresh, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}

const sealAll = async (
  { layout, say, signal }: BackupDeps,
  { id, fresh, keys }: { id: string; fresh: string; keys: BackupKeys },
): Promise<readonly Part[]> => {
  const seal = async (name: PartName, command: Command): Promise<Part> => {
    const path = join(fresh, fileOf(name))
    const made = await sealPart({ name, backup: id, path, keys, signal }, command)
    say(`${name}: ${made.bytes} bytes, sealed`)
    return made
  }
  const users = await ensureUsers(layout)
  await sweepLeftBehind(layout, users)
  const place = {
    ...{ dataDir: join(layout.data, 'pg'), socketDir: layout.databaseSocketDir },
    owner: users?.server ?? null,
  }
  const vault = { directory: join(layout.data, 'vault'), owner: users?.vault ?? null }
  const [database, files] = await withDatabase(place, ({ dump, whileObjectsStay }) =>
    whileObjectsStay(async () => [
      await seal('database', dump),
      await withVaultCopy(vault, signal, async (copy) => {
        const objects = await present(layout.data, ['objects'])
        return seal('files', tar([layout.data, objects], [copy, ['vault']]))
      }),
    ]),
  )
  const settings = await seal('settings', tar([layout.etc, await present(layout.etc, ['mayfly.yml'])]))
  const keyring = await seal('keyring', tar([layout.data, await present(layout.data, keyFiles)]))
  return [database, files, settings, keyring]
}

/** What opens the vault together with the root key, and what others know this server by. */
const keyFiles = ['vault/keyring', 'server/ticket.key', 'server/tls.key', 'server/tls.crt']

const present = async (root: string, names: readonly string[]): Promise<readonly string[]> => {
  const found = await Promise.all(names.map((name) => stat(join(root, name)).catch(() => null)))
  return names.filter((_, i) => found[i] !== null)
}

type Names = readonly string[]

/** Names below each directory. Exit code 1 of tar: a log grew while it was read; what was there at first is in the archive. */
const tar = (...places: readonly (readonly [directory: string, names: Names])[]): Command => ({
  file: 'tar',
  args: [
    ...['--create', '--file=-', '--numeric-owner', '--sort=name'],
    ...['--exclude=*.tmp', '--exclude=objects/incoming'],
    ...(places.every(([, names]) => names.length === 0) ? ['--files-from=/dev/null'] : []),
    ...places.flatMap(([directory, names]) =>
      names.length === 0 ? [] : [`--directory=${directory}`, ...names],
    ),
  ],
  accepts: [0, 1],
})

const requireRunning = async (layout: Layout): Promise<void> => {
  if ((await readdir(layout.databaseSocketDir).catch(() => [])).length > 0) return
  const ofOthers = layout.isRoot ? '' : '; of the one that root started: sudo mayfly backup create'
  throw fault('E_UNREACHABLE', {
    public: `A backup is made of a running installation: mayfly up${layout.flag}${ofOthers}`,
  })
}
