// Calibration of the probes (isolation.md §12 rule 4, §17.21). Nothing here runs on the host: this file starts itself
// again as a *pretend host* in network, mount and PID namespaces of its own, with stand-ins for the outside on its
// loopback, and there runs the suite in four cells that bubblewrap makes for `nobody`:
//   weak     shares the pretend host's network and files, has all capabilities of its own user namespace, no filter;
//   lonely   the same with a network of its own;
//   own      root of a tree of its own, with decoys where the host's secrets would be;
//   strict   the flags of isolation.md §2.3 with the strict filter: everything must hold.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { test } from 'node:test'
import { run, spawn } from '../../sys/index.ts'
import type { ProbeResult, Sandbox } from '../driver.ts'
import { loadProfile } from '../policy/seccomp.ts'
import { openProbeHost, type ProbeHost } from './host.ts'
import { allProbes, runProbes } from './run.ts'

const self = new URL(import.meta.url).pathname
const pretend = '--pretend-host'

/** Shown by these cells and planted trees to be able to read open. */
const calibrated = [
  ...['F01', 'F02', 'F03', 'F04', 'F05', 'F06', 'F09', 'F10', 'F11', 'F12', 'F13', 'F14', 'F15', 'F16'],
  ...['F17', 'F18', 'F19', 'F20', 'F21', 'F22', 'F23'],
  ...[
    'P01',
    'P02',
    'P03',
    'P04',
    'P05',
    'P06',
    'P07',
    'P08',
    'P09',
    'P10',
    'P11',
    'P12',
    'P13',
    'P15',
    'P16',
  ],
  ...[
    'S01',
    'S02',
    'S03',
    'S04',
    'S05',
    'S06',
    'S07',
    'S08',
    'S09',
    'S11',
    'S12',
    'S13',
    'S14',
    'S15',
    'S16',
  ],
  ...['S17', 'S21', 'S23', 'S24', 'S25', 'S26', 'S27', 'S28', 'S29'],
  ...['N01', 'N02', 'N03', 'N04', 'N05', 'N06', 'N07', 'N08', 'N12', 'N16'],
  // A handler of the host is not started for a trial.
  ...(readOrEmpty('/proc/sys/kernel/core_pattern').startsWith('|') ? [] : ['P14']),
]
/** No cell without the host's own privileges can be so weak that these succeed (isolation.md §17.21). */
const byJudge: readonly string[] = [
  ...['F07', 'F08', 'S10', 'S18', 'S22'], // the kernel wants a capability over the machine itself
  ...['S19'], // where `dev.tty.legacy_tiocsti` is off
  ...['S20', 'S30'], // a kernel that has the entry or the number
]

const cellNames = ['weak', 'lonely', 'own', 'strict'] as const
type Results = Record<(typeof cellNames)[number], readonly ProbeResult[]>

function registerTests(): void {
  const isReady = process.getuid?.() === 0 && process.arch === 'x64'
  const skip = isReady ? false : 'needs root for namespaces, and x86_64'
  let results: Results | null = null
  test('the suite runs in four cells of a pretend host', { skip }, async () => {
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
    const outside = ['169.254.169.254', '198.51.100.7', '172.17.0.1', '8.8.8.8']
      .map((address) => `ip addr add ${address}/32 dev lo`)
      .join(' && ')
    const script = `ip link set lo up && ${outside} && exec "$@"`
    const made = await run(
      'unshare',
      [...flags, '--', '/bin/sh', '-c', script, 'sh', process.execPath, self, pretend],
      {
        timeoutMs: 90_000,
      },
    )
    assert.equal(made.code, 0, made.stderr.toString())
    results = JSON.parse(made.stdout.toString()) as Results
  })
  const verdicts = (cell: keyof Results, verdict: string) =>
    (results?.[cell] ?? []).filter((result) => result.verdict === verdict)

  test('strict: every probe ran and held', { skip }, () => {
    assert.deepEqual(verdicts('strict', 'open'), [])
    assert.deepEqual(verdicts('strict', 'not-run'), [])
    assert.equal(verdicts('strict', 'held').length, allProbes.length)
  })
  test('weak, lonely or own: every probe reads open that can be let', { skip }, (t) => {
    const cells = ['weak', 'lonely', 'own'] as const
    const open = new Set(cells.flatMap((cell) => verdicts(cell, 'open').map(({ id }) => id)))
    assert.deepEqual(
      calibrated.filter((id) => !open.has(id)),
      [],
    )
    const rest = allProbes
      .map(({ id }) => id)
      .filter((id) => !calibrated.includes(id) && !byJudge.includes(id))
    assert.deepEqual(
      rest.filter((id) => id !== 'P14'),
      [],
      'a probe is in one of the two lists',
    )
    t.diagnostic(`calibrated in a cell: ${calibrated.length}; by their judge only: ${byJudge.join(' ')}`)
    t.diagnostic(`open here besides: ${[...open].filter((id) => !calibrated.includes(id)).join(' ')}`)
  })
}

/** What this test inherited from whoever started it is not the cell's fault (F16). Node's own have close-on-exec. */
function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fdinfo').filter((fd) => Number(fd) > 2)) {
    const flags = /flags:\s*0*([0-7]+)/.exec(readOrEmpty(`/proc/self/fdinfo/${name}`))?.[1]
    if (flags !== undefined && (Number.parseInt(flags, 8) & 0o2000000) === 0) closeSync(Number(name))
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the descriptor of the listing itself
  }
}

async function pretendHost(): Promise<void> {
  closeInherited()
  const directory = mkdtempSync('/var/mayfly-probes-')
  chmodSync(directory, 0o755)
  const state = join(directory, 'state')
  mkdirSync(state)
  const engine = createServer((socket) => socket.destroy()).listen(join(directory, 'engine.sock'))
  await once(engine, 'listening')
  chmodSync(join(directory, 'engine.sock'), 0o777)
  const resolver = await answerAnyQuestion()
  const odd = createSocket('udp4').bind(443, '8.8.8.8')
  odd.on('message', (message, peer) => odd.send(message, peer.port, peer.address))
  const suite = async (
    flags: readonly string[],
    plantedRoot: string,
    filter: Uint8Array | null,
    decoys: (host: ProbeHost) => ProbeHost = (host) => host,
  ) => {
    const host = await openProbeHost({
      stateDirectories: [state],
      sockets: [join(directory, 'engine.sock')],
      plantedRoot,
      standIns: {
        metadata: { host: '169.254.169.254', port: 80 },
        outside: { host: '198.51.100.7', port: 443 },
        bridge: { host: '172.17.0.1', port: 0 },
      },
    })
    try {
      const signal = AbortSignal.timeout(60_000)
      return await runProbes(cell(directory, flags, filter), decoys(host), { signal })
    } finally {
      await host.close()
    }
  }
  try {
    const tree = plantTree(join(directory, 'tree'))
    const results: Results = {
      strict: await suite(strictFlags, '', loadProfile('strict', 'x86_64')),
      weak: await suite(weakFlags, tree, null),
      lonely: await suite([...weakFlags, '--unshare-net'], tree, null),
      own: await suite([...ownFlags, ...plantDecoys(directory)], '', null, withDecoys),
    }
    process.stdout.write(JSON.stringify(results))
  } finally {
    for (const one of [engine, resolver, odd]) one.close()
    rmSync(directory, { recursive: true })
  }
}

async function answerAnyQuestion() {
  const socket = createSocket('udp4').bind(53, '8.8.8.8')
  await once(socket, 'listening')
  socket.on('message', (message, peer) => {
    const reply = Buffer.from(message)
    reply.writeUInt16BE(0x8180, 2)
    socket.send(reply, peer.port, peer.address)
  })
  return socket
}

/** Files that anybody may write, under the names of those that nobody may. */
function plantTree(root: string): string {
  const files = [
    ...['core_pattern', 'modprobe', 'ns_last_pid'].map((name) => `proc/sys/kernel/${name}`),
    ...['proc/sysrq-trigger', 'proc/sys/vm/drop_caches', 'proc/sys/net/ipv4/ip_forward'],
    ...[
      'sys/kernel/uevent_helper',
      'sys/power/state',
      'sys/fs/cgroup/cgroup.procs',
      'sys/fs/cgroup/a/devices.allow',
    ],
    ...['exe', 'oom_score_adj', 'uid_map', 'gid_map', 'setgroups'].map((name) => `proc/self/${name}`),
    ...['usr/x', 'etc/x'],
  ]
  for (const file of files) {
    const path = join(root, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '')
    chmodSync(path, 0o666)
    chmodSync(dirname(path), 0o777)
  }
  return root
}

const decoyHash = 'root:$y$j9T$decoy:1::\n'

/** What the host would keep, in the places where the own cell's probes look for it. */
function plantDecoys(directory: string): readonly string[] {
  const decoys = [
    ...[['/etc/shadow', decoyHash] as const, ['/dev/mem', 'memory'] as const],
    ...[['/dev/kmsg', 'Linux version'] as const, ['/usr/bin/id', '#!/bin/sh\necho 4711\n'] as const],
    // Twice: F11 takes the upper one away.
    ...[1, 2].map(() => ['/proc/kallsyms', 'ffffffff81000000 T _text\n'] as const),
  ]
  return decoys.flatMap(([place, text], i) => {
    const path = join(directory, `decoy-${i}`)
    writeFileSync(path, text)
    chmodSync(path, 0o755)
    return ['--ro-bind', path, place]
  })
}

/** The process to trace is the cell's own PID 1, and the shadow file the decoy. */
const withDecoys = (host: ProbeHost): ProbeHost => ({
  ...host,
  shadow: decoyHash.trim(),
  targets: { ...host.targets, hostPid: 1 },
})

const ownFlags: readonly string[] = [
  ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-net'],
  ...['--uid', '0', '--gid', '0', '--cap-add', 'ALL', '--die-with-parent', '--clearenv'],
  ...['--setenv', 'PATH', '/usr/bin', '--tmpfs', '/', '--bind', '/usr', '/usr'],
  ...['--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64'],
  ...['--dir', '/etc', '--proc', '/proc', '--dev', '/dev', '--dir', '/tmp', '--chdir', '/tmp'],
  ...['--dir', '/tmp/nest/aaaaaaaa', '--tmpfs', '/tmp/nest/aaaaaaaa'],
  ...['--dir', '/tmp/nest/bbbbbbbb', '--tmpfs', '/tmp/nest/bbbbbbbb'],
]

const weakFlags: readonly string[] = [
  ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
  ...[
    '--uid',
    '0',
    '--gid',
    '0',
    '--cap-add',
    'ALL',
    '--die-with-parent',
    '--clearenv',
    '--setenv',
    'PATH',
    '/usr/bin',
  ],
  ...['--dev-bind', '/', '/', '--tmpfs', '/tmp', '--chdir', '/tmp'],
]

const strictFlags: readonly string[] = [
  ...[
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup',
    '--unshare-net',
  ],
  ...[
    '--uid',
    '1000',
    '--gid',
    '1000',
    '--hostname',
    'job',
    '--die-with-parent',
    '--new-session',
    '--clearenv',
  ],
  ...['--setenv', 'PATH', '/usr/bin', '--setenv', 'HOME', '/tmp', '--ro-bind', '/usr', '/usr'],
  ...['--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64'],
  ...['--dir', '/etc', '--dir', '/opt', '--dir', '/boot', '--dir', '/var/tmp', '--proc', '/proc'],
  ...['keys', 'kallsyms', 'interrupts'].flatMap((name) => ['--ro-bind', '/dev/null', `/proc/${name}`]),
  ...['--dev', '/dev', '--size', '1048576', '--perms', '1777', '--tmpfs', '/dev/shm', '--remount-ro', '/dev'],
  ...['--tmpfs', '/tmp', '--chdir', '/tmp'],
]

/** Just enough of a Sandbox to run the suite: bwrap as nobody (isolation.md §17.1), the script as a file. */
function cell(
  directory: string,
  flags: readonly string[],
  filter: Uint8Array | null,
): Pick<Sandbox, 'exec' | 'egress'> {
  return {
    egress: () => [],
    exec: async (step, io) => {
      assert('text' in step.script)
      const [script, filterPath] = [join(directory, 'step'), join(directory, 'filter')]
      // Strict gets its environment in the script, as the driver's prologue would give it: not by an argument.
      const env = [...step.env].map(([name, value]) => [name, String(value)] as const)
      const exports = env.map(([name, value]) => `$ENV{${name}} = '${value}';\n`).join('')
      writeFileSync(script, `${filter === null ? '' : exports}${step.script.text}`, { mode: 0o644 })
      writeFileSync(filterPath, filter ?? '')
      // The unfiltered cells inherit a descriptor of the host's root: probe F16 must find it.
      const extra = openSync(filter === null ? '/' : filterPath, 'r')
      const more = [
        ...['--ro-bind', script, '/tmp/step'],
        ...(filter === null
          ? env.flatMap(([name, value]) => ['--setenv', name, value])
          : ['--seccomp', '3', '--remount-ro', '/']),
      ]
      const child = spawn(
        'setpriv',
        [
          ...['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'],
          ...(filter === null ? [] : ['prlimit', '--core=1:1', '--nofile=1024:2048']),
          ...['bwrap', ...flags, ...more, '--', 'perl', '/tmp/step'],
        ],
        { stdio: ['ignore', 'pipe', 'pipe', extra] },
      )
      closeSync(extra)
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      child.stdout?.pipe(io.stdout as Writable)
      child.stderr?.pipe(io.stderr)
      const [code] = await once(child, 'close')
      clearTimeout(timer)
      return { kind: 'exit', code, startedAt: '', ms: 0, leftovers: 0, usage: noUsage }
    },
  }
}

const noUsage = {} as Awaited<ReturnType<Sandbox['usage']>>

if (process.argv.includes(pretend)) await pretendHost()
else registerTests()
