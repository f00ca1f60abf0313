// The OS users of foundation.md §9, made once when we are root. Each program gets its own, so that a broken one
// cannot read another's files. Without root all of them are the one user who started us (docs/decisions/0035).
import { readFile } from 'node:fs/promises'
import { fault } from '../base/faults.ts'
import { run } from '../sys/index.ts'
import type { Owner } from './postgres.ts'

export const userNames = { server: 'mayfly', vault: 'mayfly-vault', runner: 'mayfly-runner' } as const
export type Users = Readonly<Record<keyof typeof userNames, Owner>>

/** Finds or makes them; null without root, where nothing is to be handed over. */
export const ensureUsers = async ({ isRoot }: { readonly isRoot: boolean }): Promise<Users | null> => {
  if (!isRoot) return null
  const server = await ensureUser(userNames.server)
  const vault = await ensureUser(userNames.vault)
  const runner = await ensureUser(userNames.runner)
  return { server, vault, runner }
}

const ensureUser = async (name: string): Promise<Owner> => {
  const found = await findUser(name)
  if (found !== null) return found
  const made = await run(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      name,
    ],
    { timeoutMs: 20_000 },
  )
  const user = await findUser(name)
  if (user === null)
    throw fault('E_MACHINE_NOT_READY', {
      public: `The user ${name} could not be made`,
      detail: made.stderr.toString(),
    })
  return user
}

const findUser = async (name: string): Promise<Owner | null> => {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((row) => row.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) }
}
