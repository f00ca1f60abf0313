// An OS user without any privilege, made for one test and removed with everything of his: the suites run as root, and what
// is said of machines without root must be tried without it.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

export type OrdinaryUser = {
  readonly name: string
  readonly uid: number
  readonly home: string
  /** All there is in his environment. */
  readonly env: Readonly<Record<string, string>>
  /** The same as him: no group but his own, and no capability to be had. */
  command(words: readonly string[]): readonly [file: string, ...args: string[]]
  run(words: readonly string[], options?: { readonly cwd?: string; readonly timeoutMs?: number }): Ran
  /** Whether he can load this program: false in a clone that is closed to other users. */
  canLoad(program: string): boolean
  /** Live processes of his. */
  processes(): readonly number[]
  /** Whatever of his still runs is ended. */
  remove(): void
}
export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export const makeOrdinaryUser = (): OrdinaryUser => {
  const name = `mayfly-t${randomBytes(4).toString('hex')}`
  const home = join('/home', name)
  execFileSync('useradd', ['--create-home', '--home-dir', home, '--shell', '/bin/sh', name])
  const idOf = (which: string) => execFileSync('id', [which, name], { encoding: 'utf8' }).trim()
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, USER: name, LOGNAME: name, NO_COLOR: '1' }
  const command: OrdinaryUser['command'] = (words) => [
    'setpriv',
    ...[`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all', '--'],
    ...words,
  ]
  const processes = () => processesOf(Number(uid))
  const run: OrdinaryUser['run'] = (words, { cwd = home, timeoutMs = 120_000 } = {}) => {
    const [file, ...args] = command(words)
    const { status, stdout, stderr } = spawnSync(file, args, {
      cwd,
      env,
      encoding: 'utf8',
      timeout: timeoutMs,
    })
    return { code: status, stdout, stderr }
  }
  return {
    ...{ name, uid: Number(uid), home, env, command, run, processes },
    canLoad: (program) => run([process.execPath, '--check', program]).code === 0,
    remove: () => {
      for (const pid of processes()) killQuietly(pid)
      execFileSync('userdel', ['--force', name], { stdio: 'ignore' })
      rmSync(home, { recursive: true, force: true })
    },
  }
}

const processesOf = (uid: number): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid === uid)
    .map(Number)

const killQuietly = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended this moment.
  }
}
