// The directories of an installation, each for the one user that works in it (foundation.md §9).
import { chmod, chown, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureDirectory } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import type { Users } from './users.ts'

/** Without users all are our own. */
export const makeDataDirectories = async (layout: Layout, users: Users | null): Promise<void> => {
  await ensureDirectory(layout.data, 0o711)
  await chmod(layout.data, 0o711)
  await ensureDirectory(join(layout.data, 'app'), 0o755)
  await ensureDirectory(layout.etc, 0o755)
  const owned = {
    server: users?.server,
    vault: users?.vault,
    runner: users?.runner,
    pg: users?.server,
    objects: users?.server,
  }
  for (const [name, owner] of Object.entries(owned)) {
    await ensureDirectory(join(layout.data, name), 0o700)
    if (owner !== undefined) await chown(join(layout.data, name), owner.uid, owner.gid)
  }
}

/** Made anew by every start. */
export const makeSocketDirectories = async (layout: Layout, users: Users | null): Promise<void> => {
  const shared = users === null ? null : { uid: users.vault.uid, gid: users.server.gid }
  await ownedDirectory(join(layout.run, 'vault'), shared, 0o710)
  await ownedDirectory(join(layout.run, 'vault-admin'), users?.vault ?? null, 0o700)
  await ownedDirectory(join(layout.run, 'operator'), users?.server ?? null, 0o700)
}

const ownedDirectory = async (
  path: string,
  owner: { uid: number; gid: number } | null,
  mode: number,
): Promise<void> => {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { mode })
  await chmod(path, mode)
  if (owner !== null) await chown(path, owner.uid, owner.gid)
}
