// The jailer program: alone root, parent of the runner (isolation.md §1.1). Config on descriptor 3, one JSON line on
// stdout when ready. With a runner command it starts that runner without privileges and again when it ends; without
// one (`mayfly run`) its own parent is the runner half. Phases: 1 shut the doors 2 config 3 host 4 serve 5 undo.
import { closeSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { channelOverIpc } from '../sandbox/index.ts'
import { type Jailer, openJailer } from '../sandbox/jailer/index.ts'
import {
  type ChildProcess,
  createLog,
  handBackWhenQuiet,
  randomBytes,
  spawn,
  startHeartbeat,
} from '../sys/index.ts'
import { type JailerProgramConfig, parseJailerConfig } from './jailer.config.ts'

// 1. SIGUSR1 would open Node's debugger. What came with us and is not ours is closed: an inherited descriptor once
// showed up inside a job (isolation.md §17.3).
process.on('SIGUSR1', () => undefined)
process.umask(0o077)

const restartMs = [0, 500, 1_000, 2_000, 5_000, 10_000, 30_000] as const
/** A runner that lived this long starts again without waiting. */
const steadyMs = 60_000
/** From SIGTERM to SIGKILL of the runner: time to end attempts and to tell the server. */
const runnerStopMs = 8_000

const main = async (): Promise<number> => {
  const log = createLog('jailer')
  const config = readConfig(log)
  if (config === null) return 7
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const suffix = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
  const binder = [process.execPath, join(import.meta.dirname, `binder.${suffix}`)] as const
  const jailer = await openJailer({ config: { ...config, binder }, random: randomBytes, log })
  try {
    closeStrayDescriptors()
    handBackWhenQuiet()
    writeSync(1, `${JSON.stringify({ ready: true, program: 'jailer', pid: process.pid })}\n`)
    const { runner } = config
    if (runner === null) await serveParent(jailer, stop.signal)
    else await keepRunner(jailer, runner, log, stop.signal).finally(startHeartbeat())
    return 0
  } finally {
    await jailer.close()
  }
}

const readConfig = (log: Log): JailerProgramConfig | null => {
  const parsed = parseJailerConfig(JSON.parse(readFileSync(3, 'utf8')))
  closeSync(3)
  if (parsed.ok) return parsed.value
  log.error('the configuration is not valid', { problems: parsed.problems.map((problem) => problem.message) })
  return null
}

/**
 * Marks every descriptor we were born with and did not open: Node sets close-on-exec on its own, so what has it not
 * came from outside.
 */
const closeStrayDescriptors = (): void => {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name)
    if (fd > 2 && !hasCloseOnExec(fd)) closeQuietly(fd)
  }
}

/** The flags line is octal; O_CLOEXEC is 02000000. */
const hasCloseOnExec = (fd: number): boolean => {
  try {
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    return (Number.parseInt(flags ?? '0', 8) & 0o2000000) !== 0
  } catch {
    return true
  }
}

const closeQuietly = (fd: number): void => {
  try {
    closeSync(fd)
  } catch {
    // Gone since it was listed.
  }
}

const serveParent = async (jailer: Jailer, stop: AbortSignal): Promise<void> => {
  const channel = channelOverIpc(process)
  stop.addEventListener('abort', channel.close)
  await jailer.serve(channel)
}

const keepRunner = async (
  jailer: Jailer,
  runner: NonNullable<JailerProgramConfig['runner']>,
  log: Log,
  stop: AbortSignal,
): Promise<void> => {
  let failures = 0
  while (!stop.aborted) {
    const startedAt = performance.now()
    const child = startRunner(runner)
    const gone = new Promise<void>((resolve) => {
      for (const end of ['exit', 'error']) child.once(end, () => resolve())
    })
    const late: { timer?: NodeJS.Timeout } = {}
    const end = () => {
      child.kill('SIGTERM')
      // It may wait for a server that is gone, as after the death of the supervisor: nests do not wait for that.
      late.timer = setTimeout(() => child.kill('SIGKILL'), runnerStopMs)
    }
    stop.addEventListener('abort', end)
    await jailer.serve(channelOverIpc(child))
    clearTimeout(late.timer)
    child.kill('SIGKILL')
    // Buried by us: not every first process of a machine does it.
    await gone
    stop.removeEventListener('abort', end)
    if (stop.aborted) return
    failures = performance.now() - startedAt > steadyMs ? 0 : failures + 1
    const waitMs = restartMs[Math.min(failures, restartMs.length - 1)] ?? 0
    log.warn('the runner has ended', { failures, waitMs })
    await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined)
  }
}

/** The unit settings of trust-model.md §1, by hand: own user, no groups, no capability, no new privileges. */
const startRunner = ({ command, user, config }: NonNullable<JailerProgramConfig['runner']>): ChildProcess => {
  const child = spawn(
    'setpriv',
    [
      ...(user === null
        ? ['--ambient-caps=-all', '--no-new-privs']
        : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs']),
      ...['--inh-caps=-all', '--bounding-set=-all', '--pdeathsig', 'KILL', '--', ...command],
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'] },
  )
  child.on('error', () => undefined)
  const pipe = child.stdio[3]
  if (pipe !== null && pipe !== undefined && 'end' in pipe) {
    pipe.on('error', () => undefined)
    pipe.end(JSON.stringify(config))
  }
  return child
}

main().then(
  (code) => process.exit(code),
  (error) => {
    createLog('jailer').error('the jailer could not start', {
      error,
      ...(isFault(error) ? { why: error.public, fix: error.detail } : {}),
    })
    process.exit(isFault(error) ? error.row.exit : 70)
  },
)
