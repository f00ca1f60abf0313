// `mayfly backup verify`: proves that a backup could be restored, by restoring what matters: every part is opened to its
// end, the dump is loaded into a PostgreSQL made for that, and every log and file the database names is looked for.
import { chmod, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { silentLog } from '../../base/log.ts'
import type { Layout } from '../layout.ts'
import { makeOwnDirectory } from '../left-behind.ts'
import { callOperator } from '../operator.ts'
import { openPostgres } from '../postgres.ts'
import { removeOwnDirectory, sweepLeftBehind } from '../sweep.ts'
import { ensureUsers } from '../users.ts'
import { type BackupDeps, bytesOf } from './create.ts'
import { type DatabasePrograms, withDatabase } from './database.ts'
import {
  type BackupKeys,
  backupKeys,
  checkManifest,
  fileOf,
  type Manifest,
  type PartName,
  readManifest,
} from './manifest.ts'
import { type Command, checkPart, openPart } from './parts.ts'
import { readRootKey } from './root-key.ts'

export type OpenBackup = {
  readonly manifest: Manifest
  /** Gives a part to a command's input; answers what the command prints. */
  readonly give: (name: PartName, command: Command) => Promise<string>
}

export type BackupPlace = {
  readonly directory: string
  /** Where `keyring.mfb` lies when it is kept apart. */
  readonly keyring?: string
  readonly rootKey: string
}

export type Proof = {
  readonly id: string
  readonly made_at: string
  readonly bytes: number
  readonly projects: number
  readonly runs: number
  readonly logs: number
  /** Archives of artifacts, results of tests and workspaces. */
  readonly objects: number
}

/** Believes the manifest by the root key and every part by its digest, before anything of it is used. */
export const openBackup = async (place: BackupPlace, signal: AbortSignal): Promise<OpenBackup> => {
  const directory = resolve(place.directory)
  const manifest = await readManifest(directory)
  const keys: BackupKeys = await backupKeys(await readRootKey(place.rootKey), manifest.salt)
  checkManifest(manifest, keys)
  const pathOf = (name: PartName): string =>
    name === 'keyring' && place.keyring !== undefined ? resolve(place.keyring) : join(directory, fileOf(name))
  for (const part of manifest.parts) await checkPart(pathOf(part.name), part)
  const backup = manifest.id
  return {
    manifest,
    give: (name, command) => openPart({ name, backup, path: pathOf(name), keys, signal }, command),
  }
}

export const verifyBackup = async (
  { layout, randomBytes, say, signal }: Pick<BackupDeps, 'layout' | 'randomBytes' | 'say' | 'signal'>,
  place: BackupPlace,
): Promise<Proof> => {
  const backup = await openBackup(place, signal)
  say('every part is as it was made')
  const files = new Set((await backup.give('files', listing)).split('\n'))
  const keys = (await backup.give('keyring', listing)).split('\n')
  if (!keys.includes('vault/keyring'))
    throw fault('E_OBJECT_MISSING', { public: 'This backup holds no keyring: it would open nothing' })
  await backup.give('settings', listing)
  const { projects, runs, logs, objects } = await loadElsewhere(backup, { layout, randomBytes })
  const named = [...logs.filter((key) => key !== inItsRow), ...objects]
  const missing = named.filter((key) => !files.has(objectPath(key)))
  if (missing.length > 0)
    throw fault('E_OBJECT_MISSING', {
      public: `The backup lacks ${missing.length} of ${named.length} stored logs and files, ${missing[0]} among them`,
    })
  say('the database was loaded, and every log and file it names is there')
  const { id, made_at } = backup.manifest
  const proof = { id, made_at, bytes: bytesOf(backup.manifest) }
  if (await isOfHere(layout, backup.manifest))
    await callOperator(layout, 'POST', '/api/v1/operator/backups', { ...proof, verified: true }).catch(() =>
      say('no installation runs here to note that down'),
    )
  else say('it is not a backup of the installation of this machine, which notes nothing down')
  return { ...proof, projects, runs, logs: logs.length, objects: objects.length }
}

/** Else whoever proves another one's would be told that his own is safe. */
const isOfHere = async ({ etc }: Layout, { installation }: Manifest): Promise<boolean> =>
  (await readFile(join(etc, 'installation'), 'utf8').catch(() => '')).trim() === installation

/** In place of the key of a small log. */
const inItsRow = '-'

/** What the loaded database says that there is. */
export const namedIn = async (ask: DatabasePrograms['ask']) => {
  const [projects = 0, runs = 0] = (
    await ask('select count(*) from projects union all select count(*) from runs')
  ).map(Number)
  const logs = await ask(`select coalesce(object_key, '${inItsRow}') from log_objects`)
  // Backups are older than stored files.
  const [hasObjects] = await ask("select to_regclass('stored_objects') is not null")
  return { projects, runs, logs, objects: hasObjects === 't' ? await ask(keptObjects) : [] }
}

/** Caches make room for others at any time; whoever finds none does without. */
const keptObjects = "select 'object/' || id from stored_objects where state = 'kept' and kind <> 'cache'"

const listing: Command = { file: 'tar', args: ['--list', '--file=-'] }

/** Where objects/fs-store.ts of the server keeps a key. */
const objectPath = (key: string): string => {
  const [kind, id = ''] = key.split('/')
  return `objects/${kind}/${id.slice(-2)}/${id}`
}

const loadElsewhere = async (
  backup: OpenBackup,
  { layout, randomBytes }: { readonly layout: Layout; readonly randomBytes: RandomBytes },
) => {
  const users = await ensureUsers(layout)
  const owner = users?.server ?? null
  await sweepLeftBehind(layout, users)
  const home = await makeOwnDirectory('proof')
  await chmod(home, 0o711)
  const [dataDir, socketDir] = [join(home, 'pg'), join(home, 'run')]
  try {
    const database = await openPostgres({
      ...{ dataDir, socketDir, owner, log: silentLog, randomBytes, fsync: false },
    })
    try {
      return await withDatabase({ dataDir, socketDir, owner }, async ({ load, ask }) => {
        await backup.give('database', load)
        return namedIn(ask)
      })
    } finally {
      await database.close()
    }
  } finally {
    await removeOwnDirectory(home, owner)
  }
}
