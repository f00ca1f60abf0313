// Where one installation keeps things (foundation.md §9). Several live side by side: with --data D everything that is
// not data lies in `D-etc/` and in a run directory named by the hash of D's real path.
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { shellQuote } from '../base/shell-quote.ts'

export type Layout = {
  readonly data: string
  readonly etc: string
  readonly settings: string
  readonly rootKey: string
  readonly run: string
  readonly operatorSocket: string
  readonly vaultSocket: string
  readonly vaultAdminSocket: string
  readonly databaseSocketDir: string
  /** Holds the pid of the supervisor while it runs. */
  readonly lock: string
  /** What the supervisor says of its programs (protocol/roster.ts). */
  readonly roster: string
  readonly isRoot: boolean
  /** What a command has to say to mean this installation: ` --data DIR`, for a shell; empty in the default place. */
  readonly flag: string
}

export type LayoutInput = {
  /** `--data`, else MAYFLY_DATA, else the default place. */
  readonly data: string | undefined
  readonly isRoot: boolean
  /** Only what XDG needs: HOME, XDG_DATA_HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR, by name. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly uid: number
}

export const findLayout = (input: LayoutInput): Layout => {
  const { isRoot } = input
  const defaults = isRoot ? rootPlaces : userPlaces(input)
  if (input.data === undefined) return withSockets({ ...defaults, isRoot, flag: '' })
  const data = realOrResolved(input.data)
  const name = `mayfly-${createHash('sha256').update(data).digest('hex').slice(0, 8)}`
  const flag = ` --data ${/^[\w/.:@%+-]+$/.test(data) ? data : shellQuote(data)}`
  return withSockets({ data, etc: `${data}-etc`, run: join(dirname(defaults.run), name), isRoot, flag })
}

const rootPlaces = { data: '/var/lib/mayfly', etc: '/etc/mayfly', run: '/run/mayfly' }

const userPlaces = ({ environment }: LayoutInput) => {
  const home = environment.HOME ?? '/'
  return {
    data: join(environment.XDG_DATA_HOME || join(home, '.local/share'), 'mayfly'),
    etc: join(environment.XDG_CONFIG_HOME || join(home, '.config'), 'mayfly'),
    // Never a place where somebody else could have put something first.
    run: join(environment.XDG_RUNTIME_DIR || join(home, '.local/state'), 'mayfly'),
  }
}

const withSockets = (places: Pick<Layout, 'data' | 'etc' | 'run' | 'isRoot' | 'flag'>): Layout => ({
  ...places,
  settings: join(places.etc, 'mayfly.yml'),
  rootKey: join(places.etc, 'root.key'),
  operatorSocket: join(places.run, 'operator/operator.sock'),
  vaultSocket: join(places.run, 'vault/vault.sock'),
  vaultAdminSocket: join(places.run, 'vault-admin/vault-admin.sock'),
  databaseSocketDir: join(places.run, 'pg'),
  lock: join(places.run, 'supervisor.pid'),
  roster: join(places.run, 'roster.json'),
})

/** The directory may not exist yet: then its nearest existing parent is made real. */
const realOrResolved = (path: string): string => {
  const absolute = resolve(path)
  try {
    return realpathSync(absolute)
  } catch {
    const parent = dirname(absolute)
    return parent === absolute ? absolute : join(realOrResolved(parent), basename(absolute))
  }
}
