// The scenes, played for real: sandboxes of the namespace driver behind its own jailer, on a *pretend host* in network,
// mount and PID namespaces of its own that has a LAN with stand-ins for everybody outside. Each scene is played twice:
//   as it is: it must hold, with a jailer that is root and with one that is not;
//   calibrated, where it must read open: N13–N15 with a policy that lets through what they try, the others on a stage
//   whose sandboxes are no walls at all (processes of `nobody` that share everything of the pretend host).

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { startJailer } from '../../../test/support/jailer.ts'
import { silentLog } from '../../base/log.ts'
import { type ChildProcess, run, spawn, systemClock } from '../../sys/index.ts'
import type { EgressPolicy, ProbeResult, Sandbox, StepResult } from '../driver.ts'
import { openNamespaceDriver } from '../drivers/namespace/index.ts'
import { contractSpec } from '../steps.contract.ts'
import { openProbeHost, type ProbeHost } from './host.ts'
import {
  listedAddress,
  networkScenes,
  ownAddress,
  standInPorts,
  unlistedAddresses,
} from './network-scenes.ts'
import type { Scene } from './scene.ts'
import { playScene, type StageDeps } from './stage.ts'
import { stepScenes } from './step-scenes.ts'

const self = new URL(import.meta.url).pathname
const allScenes = [...networkScenes, ...stepScenes]
const lanAddress = '203.0.114.2'

/** Their judges alone are calibrated: a stage without walls has no job cell to lie to. */
const byJudge = ['A07']
type Form = 'rooted' | 'rootless'
type Results = Record<'real' | 'open', readonly (ProbeResult & { ms: number })[]>

function registerTests(): void {
  const isReady = process.getuid?.() === 0 && process.arch === 'x64'
  const skip = isReady ? false : 'needs root for namespaces, and x86_64'
  let results: Results | null = null
  const play = () => {
    const flags = [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--propagation',
      'private',
    ]
    const hostNamespaces = ['pid', 'user'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`))
    const only = process.env.MAYFLY_SCENES ?? ''
    const pretended = [process.execPath, self, '--pretend-host', ...hostNamespaces, only]
    return async (form: Form) => {
      const made = await run('unshare', [...flags, '--', ...pretended, form], { timeoutMs: 150_000 })
      assert.equal(made.code, 0, made.stderr.toString().slice(-4000))
      return JSON.parse(made.stdout.toString()) as Results
    }
  }
  test('the scenes are played on a pretend host with a LAN', { skip, timeout: 150_000 }, async () => {
    results = await play()('rooted')
  })
  test('without root every one is played and holds too', { skip, timeout: 150_000 }, async () => {
    const { real } = await play()('rootless')
    assert.deepEqual(
      real.filter(({ verdict }) => verdict !== 'held'),
      [],
    )
    assert.equal(real.length, allScenes.length)
  })
  test('as they are, every one is played and holds', { skip }, (t) => {
    for (const { id, ms } of results?.real ?? []) t.diagnostic(`${id} ${ms} ms`)
    assert.deepEqual(
      (results?.real ?? []).filter(({ verdict }) => verdict !== 'held'),
      [],
    )
    assert.equal(results?.real.length, allScenes.length)
  })
  test('calibrated, every one reads open', { skip }, () => {
    assert.deepEqual(
      (results?.open ?? []).filter(({ verdict }) => verdict !== 'open'),
      [],
    )
    assert.equal(results?.open.length, allScenes.length - byJudge.length)
  })
}

/** Counts and listens as whoever has these addresses; says what it saw when asked. */
async function standIns(addresses: readonly string[]) {
  const seen = new Set<string>()
  const closers: (() => void)[] = []
  for (const address of addresses)
    for (const port of standInPorts) {
      const server = createServer((socket) => {
        seen.add(`arrived: ${address}:${port}`)
        serve(socket, port, seen)
      }).listen(port, address)
      await once(server, 'listening')
      closers.push(() => server.close())
    }
  if (addresses.includes('8.8.8.8')) {
    const resolver = createSocket('udp4').bind(53, '8.8.8.8')
    resolver.on('message', () => seen.add('arrived: 8.8.8.8:53 udp'))
    closers.push(() => resolver.close())
  }
  return {
    take: () => {
      const lines = [...seen]
      seen.clear()
      return lines
    },
    close: () => {
      for (const close of closers) close()
    },
  }
}

/** 80 speaks HTTP, 443 notes the name in the hello, the others answer anybody. */
function serve(socket: Socket, port: number, seen: Set<string>): void {
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (port === 80) {
      for (const [, method, target, host] of text.matchAll(
        /(\S+) (\S+) HTTP\/1\.\d\r\n[\s\S]*?Host:\s*(\S+)/gi,
      ))
        seen.add(`heard: ${method === 'CONNECT' || target?.startsWith('http') ? target : host}`)
      if (/Upgrade: (\S+)/.test(text)) seen.add('heard: an upgrade')
      if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    } else if (port === 443) {
      const names = /(web|other)\.example/.exec(text)?.[0]
      seen.add(`heard: ${names ?? (text.length > 60 ? 'no name' : 'something')}`)
      socket.write('reached')
    } else socket.write('reached')
  })
  socket.setTimeout(3_000, () => socket.destroy())
}

/** In a network namespace of its own, with all addresses but the pretend host's. */
async function lan(): Promise<void> {
  await once(process, 'message')
  const here = await standIns([listedAddress, ...unlistedAddresses])
  process.send?.('ready')
  process.on('message', () => process.send?.(here.take()))
  process.on('disconnect', () => process.exit(0))
}

/** Connects to all ports and prints those that show the banner. Not a probe: it is run where an observer stands. */
const scanner = `use strict; use Socket; my ($banner, $to, @ports) = @ARGV; @ports = 1 .. 65535 unless @ports;
my $wait = pack('l!l!', 1, 0); my $host = inet_aton($to);
for my $port (@ports) { socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; setsockopt($s, SOL_SOCKET, $_, $wait) for SO_SNDTIMEO, SO_RCVTIMEO;
  connect($s, pack_sockaddr_in($port, $host)) or next; my $said = ''; sysread($s, $said, 64); print "$to:$port: banner\\n" if index($said, $banner) >= 0 }`

async function pretendHost(hostNamespaces: readonly string[], only: string, form: Form): Promise<void> {
  // Also shared memory is the pretend host's own: what the stage without walls leaves goes with it.
  await shell([], 'mount -t tmpfs -o mode=1777 shm /dev/shm')
  const child = spawn('unshare', ['--net', '--', process.execPath, self, '--lan'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const inLan = ['nsenter', `--net=/proc/${child.pid}/ns/net`]
  await connectLan(child, inLan)
  const world = await openWorld(child, inLan, form)
  const results: Results = { real: [], open: [] }
  const scenes = allScenes.filter(({ id }) => only === '' || only.split(',').includes(id))
  const play = async (scene: Scene, deps: StageDeps) => {
    const startedMs = performance.now()
    const result = await playScene(scene, deps)
    return { ...result, ms: Math.round(performance.now() - startedMs) }
  }
  try {
    for (const scene of scenes) {
      results.real = [...results.real, await play(scene, world.real)]
      if (form === 'rootless' || byJudge.includes(scene.id)) continue
      const policy = weakPolicies[scene.id]
      const weak = { ...scene, ...(policy === undefined ? {} : { egress: policy }) }
      const deps = policy === undefined ? world.withoutWalls(hostNamespaces) : world.real
      results.open = [...results.open, await play(weak, deps)]
    }
    process.stdout.write(JSON.stringify(results))
  } finally {
    await world.close()
    if (child.connected) child.disconnect()
  }
}

/** What lets through what the scene tries. */
const weakPolicies: Readonly<Record<string, EgressPolicy>> = {
  N13: {
    ...(networkScenes.find(({ id }) => id === 'N13')?.egress as EgressPolicy),
    privateRanges: ['10.0.0.0/8'],
  },
  N14: { mode: 'open', allow: [], privateRanges: [] },
  N15: { mode: 'open', allow: [], privateRanges: [] },
}

async function connectLan(child: ChildProcess, inLan: readonly string[]): Promise<void> {
  const addresses = [listedAddress, ...unlistedAddresses].map((address) => `ip addr add ${address}/32 dev lo`)
  const inside = [
    'ip link set lo up',
    `ip addr add ${lanAddress}/24 dev in`,
    'ip link set in up',
    ...addresses,
  ]
  await shell([], `ip link set lo up && ip link add out type veth peer name in netns ${child.pid}`)
  await shell(inLan, inside.join(' && '))
  // Without the unreachable route packets for jobs would go out to the LAN, and a scan would wait for each.
  const routes = `ip route add default via ${lanAddress} && ip route add unreachable 10.255.0.0/16`
  await shell([], `ip addr add ${ownAddress}/24 dev out && ip link set out up && ${routes}`)
  // An interface without carrier is not among the addresses that Node names.
  await shell(
    [],
    'for i in $(seq 200); do ip link show out | grep -q LOWER_UP && exit 0; sleep 0.01; done; exit 1',
  )
  await shell(inLan, `ip route add 10.255.0.0/16 via ${ownAddress}`)
  child.send('listen')
  await once(child, 'message')
}

async function shell(prefix: readonly string[], text: string): Promise<string> {
  const [file = 'sh', ...args] = [...prefix, 'sh', '-c', text]
  const done = await run(file, args, { timeoutMs: 30_000 })
  assert.equal(done.code, 0, `${text}: ${done.stderr}`)
  return done.stdout.toString()
}

async function openWorld(child: ChildProcess, inLan: readonly string[], form: Form) {
  const directory = mkdtempSync('/var/mayfly-scenes-')
  chmodSync(directory, 0o755)
  const here = await standIns(['127.0.0.1', '::1', ownAddress])
  const outside = createNames()
  const rootless = form === 'rootless'
  const jailer = await startJailer(rootless ? { uid: 65_534 } : {})
  const driver = openNamespaceDriver({
    ...{ channel: jailer.channel, clock: systemClock, log: silentLog, resolve: outside.resolve, rootless },
  })
  const host = await openProbeHost({ stateDirectories: [directory], sockets: [] })
  const banner = `banner-${host.targets.nonce}`
  const real: StageDeps = {
    ...{ host, setNames: outside.set, signal: AbortSignal.timeout(140_000) },
    scan: (addresses) => scanEverything(inLan, banner, addresses),
    open: (egress) => driver.open({ ...contractSpec, egress }, AbortSignal.timeout(20_000)),
    arrivals: async () => {
      child.send('take')
      const [far] = (await once(child, 'message')) as [string[]]
      return [...here.take(), ...far, ...outside.take()]
    },
  }
  return {
    real,
    withoutWalls: ([pid = '', user = '']: readonly string[]): StageDeps => {
      const targets: ProbeHost['targets'] = { ...host.targets, hostNamespaces: [pid, user] }
      return {
        ...{ ...real, host: { ...host, targets } },
        open: async () => openWeak(directory),
        scan: async () => [],
      }
    },
    close: async () => {
      here.close()
      await host.close()
      await driver.close()
      await jailer.stop()
      rmSync(directory, { recursive: true })
    },
  }
}

/** Names as the scene says they lead, and which of them somebody asked for. */
function createNames() {
  const asked = new Set<string>()
  const names = new Map<string, (readonly string[])[]>()
  return {
    set: (wanted: NonNullable<Scene['names']>) => {
      names.clear()
      for (const [name, answers] of Object.entries(wanted)) names.set(name, [...answers])
    },
    resolve: async (name: string): Promise<readonly string[]> => {
      asked.add(`asked: ${name}`)
      const answers = names.get(name) ?? [...names].find(([known]) => name.endsWith(`.${known}`))?.[1]
      if (answers === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
      return (answers.length > 1 ? answers.shift() : answers[0]) ?? []
    },
    take: () => {
      const lines = [...asked]
      asked.clear()
      return lines
    },
  }
}

async function scanEverything(inLan: readonly string[], banner: string, addresses: readonly string[]) {
  const scan = async (from: readonly string[], to: string, ...ports: readonly string[]) => {
    const [file = 'perl', ...args] = [...from, 'perl', '-e', scanner, banner, to, ...ports]
    const done = await run(file, args, { timeoutMs: 40_000 })
    assert.equal(done.code, 0, done.stderr.toString())
    return done.stdout.toString().split('\n').filter(Boolean)
  }
  // Of the job's own address some ports are enough: from here there is no way at all.
  const scans = [
    ...[scan([], '127.0.0.1'), scan(inLan, ownAddress)],
    ...addresses.flatMap((to) => [[], inLan].map((from) => scan(from, to, '1025', '8088'))),
  ]
  return [...(await Promise.all(scans)).flat(), 'scanned: errno 0']
}

/** Processes of `nobody` in a user namespace, with everything else of the pretend host in common. */
function openWeak(directory: string): Sandbox {
  const shared = join(directory, 'tmp')
  mkdirSync(shared, { recursive: true })
  chmodSync(shared, 0o777)
  const flags = weakFlags(shared)
  let step = 0
  const exec: Sandbox['exec'] = async (spec, io, signal) => {
    assert('text' in spec.script)
    const name = `step-${++step}`
    writeFileSync(join(shared, name), spec.script.text, { mode: 0o644 })
    const env = [['PATH', '/usr/bin'], ['HOME', '/tmp/home'], ...spec.env].flatMap(([key, value]) => [
      ...['--setenv', String(key), String(value)],
    ])
    const server = spec.socket === null ? null : createServer((socket) => io.onConnection?.(socket))
    server?.listen(join(shared, 'agent.sock'), () => chmodSync(join(shared, 'agent.sock'), 0o777))
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', 'bwrap', ...flags, ...env]
    const child = spawn('setpriv', [...nobody, '--', 'perl', `/tmp/${name}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    // The whole group: what a program forked would hold its output.
    const end = () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    }
    signal.addEventListener('abort', end)
    child.stdout?.pipe(io.stdout as Writable)
    child.stderr?.pipe(io.stderr)
    const [code] = await once(child, 'exit')
    signal.removeEventListener('abort', end)
    server?.close()
    return { kind: 'exit', code: code ?? 137, startedAt: '', ms: 0, leftovers: 0, usage: {} } as StepResult
  }
  return {
    ...{ id: 'weak', exec, egress: () => [], copyIn: async () => undefined },
    copyOut: async () => Readable.from([Buffer.alloc(9 * 1024 * 1024)]),
    usage: async () => ({}) as never,
    reading: async () => ({}) as never,
    close: async () => ({}) as never,
  }
}

/** The directories of the machine that are large or somebody's are left out: there is nothing to find in them. */
function weakFlags(shared: string): readonly string[] {
  const empty = ['/var', '/root', '/home', '/opt', '/srv', '/mnt'].flatMap((path) => ['--tmpfs', path])
  return [
    ...['--unshare-user', '--uid', '0', '--gid', '0', '--cap-add', 'ALL', '--die-with-parent', '--clearenv'],
    ...['--dev-bind', '/', '/', '--bind', shared, '/tmp', ...empty, '--bind', shared, '/var/tmp'],
    ...['--tmpfs', '/run', '--bind', shared, '/run/mayfly', '--ro-bind', '/dev/null', '/etc/resolv.conf'],
  ]
}

if (process.argv.includes('--lan')) await lan()
else if (process.argv.includes('--pretend-host')) {
  const [pid = '', user = '', only = '', form = ''] = process.argv.slice(
    process.argv.indexOf('--pretend-host') + 1,
  )
  await pretendHost([pid, user], only, form === 'rootless' ? form : 'rooted')
} else registerTests()
