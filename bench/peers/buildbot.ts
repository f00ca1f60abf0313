// Buildbot: a master and one worker of the distribution's packages, both on loopback, with builders that run one shell
// command each. Builds are forced through its web API and followed on its own event stream.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'
import { run, spawn } from '../../src/sys/index.ts'
import { freePort } from '../../test/support/installation.ts'
import { startClock } from '../clock.ts'
import { pidsBelow, pssOf, totalOf, usageOf } from '../processes.ts'
import { noOpCommand } from '../projects.ts'
import { slots } from '../slots.ts'
import { debianPrograms } from './install.ts'
import type { Peer } from './peer.ts'

const name = 'buildbot'
const deadlineMs = 120_000
const restMs = 5_000
const jobsForCpu = 10

type Place = {
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
  readonly webPort: number
}
type Running = {
  readonly children: readonly ChildProcess[]
  readonly events: Events
}

export const openBuildbot = async (directory: string): Promise<Peer> => {
  await debianPrograms({ buildbot: 'buildbot', 'buildbot-worker': 'buildbot-worker' })
  const place = await makePlace(join(directory, name))
  let running = await start(place)
  const pids = () => running.children.map(({ pid }) => pid ?? 0)
  const cpuMs = () => pids().reduce((sum, pid) => sum + totalOf(usageOf(pid)?.cpuMs ?? {}), 0)
  const build = async (command: string, until: 'first byte' | 'finished', builder = 'run-0') => {
    const elapsed = startClock()
    const told = running.events.next(until)
    await force(place, builder, command)
    await told
    return elapsed()
  }
  const noOpMs = () => build(noOpCommand, 'finished')
  return {
    ...{ name, version: await versionOf(place), noOpMs },
    firstLineMs: async () => {
      const finished = running.events.next('finished')
      const ms = await build(noOpCommand, 'first byte')
      await finished
      return ms
    },
    jobsPerSecond: async (count, atOnce) => {
      const elapsed = startClock()
      const all = running.events.finished(count)
      for (let i = 0; i < count; i++) await force(place, `run-${i % atOnce}`, noOpCommand)
      await all
      return (count / elapsed()) * 1000
    },
    chainMs: async (count) => {
      const elapsed = startClock()
      // One that triggers the others in turn and waits for each.
      const all = running.events.finished(count + 1)
      await force(place, `chain-${count}`, noOpCommand)
      await all
      return elapsed()
    },
    logMs: (file) => build(`cat ${file}`, 'finished'),
    logCpuMs: async (file) => {
      const before = cpuMs()
      await build(`cat ${file}`, 'finished')
      return cpuMs() - before
    },
    jobCpuMs: async () => {
      const before = cpuMs()
      for (let i = 0; i < jobsForCpu; i++) await noOpMs()
      return (cpuMs() - before) / jobsForCpu
    },
    idleMib: async () => {
      await sleep(restMs)
      return pssOf(pids().flatMap(pidsBelow)) / 1024 ** 2
    },
    startMs: async () => {
      await stop(running)
      const elapsed = startClock()
      running = await start(place)
      return elapsed()
    },
    close: () => stop(running),
  }
}

const versionOf = async ({ environment }: Place): Promise<string> => {
  const { stdout } = await run('buildbot', ['--version'], { timeoutMs: 20_000, env: environment })
  return /\d+\.\d+(\.\d+)?/.exec(stdout.toString())?.[0] ?? 'unknown'
}

const makePlace = async (home: string): Promise<Place> => {
  const [webPort, workerPort] = [await freePort(), await freePort()]
  const environment = { PATH: process.env.PATH ?? '', HOME: home, PYTHONPATH: join(home, 'stub') }
  await mkdir(join(home, 'stub/mayfly_bench_base/static'), { recursive: true })
  await writeWebBase(join(home, 'stub'))
  const make = async (program: string, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(program, args, { timeoutMs: 60_000, env: environment })
    if (code !== 0) throw new Error(`${program}: ${stderr.toString()}${stdout.toString()}`)
  }
  await make('buildbot', 'create-master', join(home, 'master'))
  await writeFile(join(home, 'master/master.cfg'), masterConfig(webPort, workerPort))
  const worker = ['create-worker', join(home, 'worker'), `127.0.0.1:${workerPort}`, 'bench', 'bench']
  await make('buildbot-worker', ...worker)
  return { home, environment, webPort }
}

/** The distribution leaves the web frontend out, and the web API does not start without one: an empty one. */
const writeWebBase = async (stub: string): Promise<void> => {
  const [code, about] = [join(stub, 'mayfly_bench_base'), join(stub, 'mayfly_bench_base-1.dist-info')]
  await mkdir(about)
  await writeFile(
    join(code, '__init__.py'),
    `from buildbot.www.plugin import Application\nep = Application(__name__, "nothing to see", ui=False)\n`,
  )
  await writeFile(join(code, 'VERSION'), '1\n')
  await writeFile(join(code, 'static/index.html'), '')
  await writeFile(join(about, 'METADATA'), 'Metadata-Version: 2.1\nName: mayfly-bench-base\nVersion: 1\n')
  await writeFile(join(about, 'entry_points.txt'), '[buildbot.www]\nbase = mayfly_bench_base:ep\n')
}

/** A builder takes one build at a time from one worker: as many builders as there are slots. */
const masterConfig = (webPort: number, workerPort: number): string => `
from buildbot.plugins import schedulers, steps, util, worker
c = BuildmasterConfig = {
    'buildbotNetUsageData': None,
    'workers': [worker.Worker('bench', 'bench', max_builds=${slots})],
    'protocols': {'pb': {'port': 'tcp:${workerPort}:interface=127.0.0.1'}},
    'www': {'port': 'tcp:${webPort}:interface=127.0.0.1', 'plugins': {}},
    'db': {'db_url': 'sqlite:///state.sqlite'},
}
command = util.Interpolate('%(prop:command)s')
one = [steps.ShellCommand(command=['/bin/sh', '-c', command], logEnviron=False)]
again = [steps.Trigger(schedulerNames=['again'], waitForFinish=True, set_properties={'command': command})]
builders = {'run-%d' % i: one for i in range(${slots})}
builders['chain-20'] = again * 20
c['builders'] = [util.BuilderConfig(name=name, workernames=['bench'], factory=util.BuildFactory(steps)) for name, steps in builders.items()]
c['schedulers'] = [
    schedulers.ForceScheduler(name='force-' + name, builderNames=[name], properties=[util.StringParameter(name='command')])
    for name in builders
] + [schedulers.Triggerable(name='again', builderNames=['run-0'])]
`

const start = async (place: Place): Promise<Running> => {
  const { home, environment } = place
  const begin = (program: string, directory: string) =>
    spawn(program, ['start', '--nodaemon', join(home, directory)], { env: environment, stdio: 'ignore' })
  const children = [begin('buildbot', 'master'), begin('buildbot-worker', 'worker')]
  try {
    const elapsed = startClock()
    while (!(await hasWorker(place))) {
      if (elapsed() > deadlineMs) throw new Error('its worker did not connect')
      await sleep(20)
    }
    return { children, events: await openEvents(place) }
  } catch (error) {
    await stop({ children, events: null })
    throw error
  }
}

const stop = async ({
  children,
  events,
}: {
  readonly children: readonly ChildProcess[]
  readonly events: Events | null
}): Promise<void> => {
  events?.close()
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

const hasWorker = async ({ webPort }: Place): Promise<boolean> => {
  try {
    const answer = await fetch(`http://127.0.0.1:${webPort}/api/v2/workers`, {
      signal: AbortSignal.timeout(5_000),
    })
    const { workers } = (await answer.json()) as { workers: readonly { connected_to: readonly unknown[] }[] }
    return workers.some(({ connected_to: masters }) => masters.length > 0)
  } catch {
    return false
  }
}

const force = async ({ webPort }: Place, builder: string, command: string): Promise<void> => {
  const answer = await fetch(`http://127.0.0.1:${webPort}/api/v2/forceschedulers/force-${builder}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 1, jsonrpc: '2.0', method: 'force', params: { command } }),
    signal: AbortSignal.timeout(deadlineMs),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`forcing a build: ${answer.status} ${text.slice(0, 200)}`)
}

type Events = {
  readonly next: (what: 'first byte' | 'finished') => Promise<void>
  readonly finished: (count: number) => Promise<void>
  readonly close: () => void
}

type Waiter = { readonly what: 'first byte' | 'finished'; left: number; readonly done: () => void }

/** Keys are `logs/7/append` and `builds/7/finished`. */
const openEvents = async ({ webPort }: Place): Promise<Events> => {
  const socket = new WebSocket(`ws://127.0.0.1:${webPort}/ws`)
  await once(socket, 'open', { signal: AbortSignal.timeout(deadlineMs) })
  let waiters: Waiter[] = []
  socket.on('message', (data) => {
    const { k: key } = JSON.parse(String(data)) as { k?: string }
    const what = /^logs\/\d+\/append$/.test(key ?? '')
      ? 'first byte'
      : /^builds\/\d+\/finished$/.test(key ?? '')
        ? 'finished'
        : null
    for (const waiter of waiters) if (waiter.what === what && --waiter.left === 0) waiter.done()
    waiters = waiters.filter(({ left }) => left > 0)
  })
  for (const [id, path] of ['builds/*/*', 'logs/*/*'].entries())
    socket.send(JSON.stringify({ _id: id + 1, cmd: 'startConsuming', path }))
  const wait = (what: Waiter['what'], count: number) =>
    new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${what} within ${deadlineMs} ms`)), deadlineMs)
      const done = () => {
        clearTimeout(late)
        resolve()
      }
      waiters.push({ what, left: count, done })
    })
  return {
    next: (what) => wait(what, 1),
    finished: (count) => wait('finished', count),
    close: () => socket.close(),
  }
}
