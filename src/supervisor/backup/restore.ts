// `mayfly backup restore`: a backup and the root key make an installation again, in an empty data directory. Sessions and
// challenges of the old one are dropped, its tickets die with the vault's epoch, and the runner of this machine is
// enrolled anew. A marker stands while it lasts: what was broken off does not start.
import { existsSync } from 'node:fs'
import { appendFile, chmod, chown, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { silentLog } from '../../base/log.ts'
import { ensureDirectory, run, writeFileDurably } from '../../sys/index.ts'
import { makeDataDirectories } from '../directories.ts'
import type { Layout } from '../layout.ts'
import { refuseBeside } from '../lock.ts'
import { openPostgres } from '../postgres.ts'
import { ensureUsers, type Users } from '../users.ts'
import type { BackupDeps } from './create.ts'
import { withDatabase } from './database.ts'
import type { Command } from './parts.ts'
import { readRootKey } from './root-key.ts'
import { type BackupPlace, type OpenBackup, openBackup } from './verify.ts'

export type Restored = { readonly id: string; readonly made_at: string; readonly data: string }

type RestoreDeps = Pick<BackupDeps, 'layout' | 'clock' | 'randomBytes' | 'say' | 'signal'>

const markerOf = ({ data }: Layout): string => join(data, 'restoring')

export const refuseHalfRestored = (layout: Layout): void => {
  if (existsSync(markerOf(layout)))
    throw fault('E_MACHINE_NOT_READY', {
      public: `A restore into ${layout.data} was broken off. Remove that directory and restore again.`,
    })
}

export const restoreBackup = async (deps: RestoreDeps, place: BackupPlace): Promise<Restored> => {
  const { layout, say } = deps
  await requireEmpty(layout)
  const backup = await openBackup(place, deps.signal)
  say('every part is as it was made')
  const { id, made_at, installation } = backup.manifest
  const users = await ensureUsers(layout)
  await ensureDirectory(layout.data, 0o711).catch((cause: NodeJS.ErrnoException) => {
    throw fault('E_MACHINE_NOT_READY', {
      public: `${layout.data} cannot be made (${cause.code}): name a directory of yours with --data, or start it with sudo`,
      cause,
    })
  })
  await writeFileDurably(markerOf(layout), `${id}\n`)
  await makeDataDirectories(layout, users)
  await placeKeys(layout, users, { rootKey: await readRootKey(place.rootKey), installation })
  // They outlive the data, also of a restore that was broken off: what is there is the operator's last word.
  if (existsSync(layout.settings)) say(`${layout.settings} is there already: settings stay as they are`)
  else await backup.give('settings', extractTo(layout.etc))
  await backup.give('files', extractTo(layout.data))
  await backup.give('keyring', extractTo(layout.data))
  await giveToOwners(layout, users)
  say('objects, vault, keys and settings are in place')
  await loadDatabase(deps, { backup, users })
  await noteInVault(deps, { id, users })
  // The directories of sockets belong to a running installation.
  await rm(layout.run, { recursive: true, force: true })
  await rm(markerOf(layout))
  say('the database is loaded; whoever was signed in signs in again')
  return { id, made_at, data: layout.data }
}

/** Nothing of an installation may be there; an empty directory, a mounted disk for example, may. */
const requireEmpty = async (layout: Layout): Promise<void> => {
  const { data } = layout
  refuseHalfRestored(layout)
  const names = (await readdir(data).catch(() => [])).filter((name) => name !== 'lost+found')
  if (names.length > 0)
    throw fault('E_CONFLICT', {
      public: `${data} is not empty: a backup is restored into an empty directory, or another --data`,
    })
  // Of one that runs the data may have been moved away; its database goes on where that of the restored one would listen.
  await refuseBeside(layout)
}

const placeKeys = async (
  layout: Layout,
  users: Users | null,
  { rootKey, installation }: { rootKey: Uint8Array; installation: string },
): Promise<void> => {
  await mkdir(layout.etc, { recursive: true, mode: 0o755 })
  await keepOrRefuse(layout.rootKey, rootKey)
  await chmod(layout.rootKey, 0o400)
  if (users !== null) await chown(layout.rootKey, users.vault.uid, users.vault.gid)
  await writeFileDurably(join(layout.etc, 'installation'), `${installation}\n`, 0o644)
}

/** A root key that lies there is used only when it is the one; it is never replaced. */
const keepOrRefuse = async (path: string, rootKey: Uint8Array): Promise<void> => {
  if (!existsSync(path)) return writeFileDurably(path, rootKey, 0o400)
  if (!Buffer.from(rootKey).equals(Buffer.from(await readRootKey(path))))
    throw fault('E_ROOT_KEY', { public: `${path} is another root key: move it away first` })
}

const extractTo = (directory: string): Command => ({
  file: 'tar',
  args: ['--extract', '--file=-', '--no-same-owner', '--keep-old-files', `--directory=${directory}`],
})

const giveToOwners = async ({ data }: Layout, users: Users | null): Promise<void> => {
  if (users === null) return
  for (const [name, { uid, gid }] of Object.entries({
    objects: users.server,
    server: users.server,
    vault: users.vault,
  })) {
    const path = join(data, name)
    const { code, stderr } = await run('chown', ['-R', '-h', '--', `${uid}:${gid}`, path], {
      timeoutMs: 600_000,
    })
    if (code !== 0) throw fault('E_MACHINE_NOT_READY', { public: `chown of ${path}: ${stderr.toString()}` })
  }
}

/** What let somebody in before lets nobody in now; the restore is in the audit log. Of an older version not every table is there. */
export const afterwards = (id: string): string => `
  do $$ declare name text; begin
    foreach name in array array['sessions', 'passkey_challenges', 'claims', 'invitations'] loop
      if to_regclass(name) is not null then execute format('delete from %I', name); end if;
    end loop;
  end $$;
  insert into audit (organisation_id, actor_kind, actor_id, action, target, result, details)
  select id, 'operator', 'operator', 'backup.restore', '${id}', 'ok', '{}' from organisations`

const loadDatabase = async (
  { layout, randomBytes }: RestoreDeps,
  { backup, users }: { backup: OpenBackup; users: Users | null },
): Promise<void> => {
  await mkdir(layout.run, { recursive: true, mode: 0o711 })
  const [dataDir, socketDir, owner] = [
    join(layout.data, 'pg'),
    layout.databaseSocketDir,
    users?.server ?? null,
  ]
  const database = await openPostgres({ dataDir, socketDir, owner, log: silentLog, randomBytes })
  try {
    await withDatabase({ dataDir, socketDir, owner }, async ({ load, ask }) => {
      await backup.give('database', load)
      await ask(afterwards(backup.manifest.id))
    })
  } finally {
    await database.close()
  }
}

const noteInVault = async (
  { layout, clock }: RestoreDeps,
  { id, users }: { id: string; users: Users | null },
): Promise<void> => {
  const path = join(layout.data, 'vault', 'audit.log')
  const at = new Date(clock.now()).toISOString()
  await appendFile(path, `${JSON.stringify({ at, verb: 'backup.restore', backup: id })}\n`, { mode: 0o600 })
  if (users !== null) await chown(path, users.vault.uid, users.vault.gid)
}
