// What processes of ours left that were killed: the unsealed database of a proof, passwords, keys, copies of the vault. Called when the
// installation starts, and before a backup is made or proven.
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sweepVaultCopies } from './backup/vault-copy.ts'
import type { Layout } from './layout.ts'
import { isLeftBehind, markOfDirectory } from './left-behind.ts'
import { type Owner, removeAs } from './postgres.ts'
import type { Users } from './users.ts'

export const sweepLeftBehind = async (
  { data }: Pick<Layout, 'data'>,
  users: Pick<Users, 'server' | 'vault'> | null,
): Promise<void> => {
  await sweepVaultCopies({ directory: join(data, 'vault'), owner: users?.vault ?? null })
  for (const name of await readdir(tmpdir())) {
    const mark = markOfDirectory(name)
    if (mark === null || !isLeftBehind(mark)) continue
    const path = join(tmpdir(), name)
    const facts = await lstat(path).catch(() => null)
    // Who else may write there could have made it for us to walk into.
    if (facts?.isDirectory() === true && facts.uid === process.getuid?.())
      await removeOwnDirectory(path, users?.server ?? null)
  }
}

/** What is in it may be the owner's, and below that is nothing of ours to do. What he put there meanwhile stays. */
export const removeOwnDirectory = async (directory: string, owner: Owner | null): Promise<void> => {
  // Somebody else may be at it, too.
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name)
    await removeAs(owner, path)
    await unlink(path).catch(() => rmdir(path).catch(() => undefined))
  }
  await rmdir(directory).catch(() => undefined)
}
