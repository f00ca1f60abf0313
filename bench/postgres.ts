// A bare PostgreSQL with its default settings, as the baselines of PF-43 and PF-44 start it.
import { once } from 'node:events'
import { chown, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findBinaries } from '../src/supervisor/postgres.ts'
import { spawn } from '../src/sys/index.ts'

export type BarePostgres = {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  /** Of the postmaster while it runs. */
  readonly pid: () => Promise<number>
}

/** PostgreSQL refuses root; `nobody` exists everywhere. */
const nobody = { uid: 65534, gid: 65534 }

export const createBarePostgres = async (directory: string, name: string): Promise<BarePostgres> => {
  const home = join(directory, name)
  const cluster = join(home, 'cluster')
  await mkdir(home, { recursive: true })
  await chown(home, nobody.uid, nobody.gid)
  const bin = await findBinaries(cluster)
  const run = async (program: string, ...args: readonly string[]) => {
    const child = spawn(join(bin, program), args, { ...nobody, cwd: home, stdio: 'ignore' })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`${program} ended with ${code}`)
  }
  await run('initdb', '-D', cluster, '-A', 'trust')
  const options = `-c listen_addresses= -c unix_socket_directories=${home}`
  return {
    start: () => run('pg_ctl', '-D', cluster, '-o', options, '-l', join(home, 'log'), '-w', 'start'),
    stop: () => run('pg_ctl', '-D', cluster, '-m', 'fast', '-w', 'stop'),
    pid: async () => Number((await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n')[0]),
  }
}
