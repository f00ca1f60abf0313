// The filters in a real cell (isolation.md §9.3, checks 4 and 5): bubblewrap as an unprivileged user, in namespaces of
// its own, loads what we compiled; the kernel's answers are compared with the profile.
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type RunResult, spawn } from '../../sys/index.ts'
import { loadProfile, outcomes, profiles, type SeccompProfileName } from './seccomp.ts'

const isReady = process.getuid?.() === 0 && process.arch === 'x64'
const skip = isReady ? false : 'needs root (to become nobody) and x86_64'
const directory = mkdtempSync(join(tmpdir(), 'mayfly-seccomp-'))
after(() => rmSync(directory, { recursive: true }))

/** Never bwrap as root itself: it would map the host's root (isolation.md §17.1). */
const cell = (profile: SeccompProfileName, argv: readonly string[], args: readonly string[] = []) => {
  const path = join(directory, profile)
  writeFileSync(path, loadProfile(profile, 'x86_64'))
  const filter = openSync(path, 'r')
  const child = spawn(
    'setpriv',
    [
      ...['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', 'bwrap', '--unshare-all'],
      ...['--die-with-parent', '--new-session', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin'],
      ...[
        '--symlink',
        'usr/lib',
        '/lib',
        '--symlink',
        'usr/lib64',
        '/lib64',
        '--proc',
        '/proc',
        '--dev',
        '/dev',
      ],
      ...[
        '--tmpfs',
        '/tmp',
        '--chdir',
        '/tmp',
        '--clearenv',
        '--setenv',
        'PATH',
        '/usr/bin',
        '--seccomp',
        '3',
      ],
      ...['--ro-bind', process.execPath, '/tmp/node', ...args, '--', ...argv],
    ],
    { stdio: ['ignore', 'pipe', 'pipe', filter] },
  )
  closeSync(filter)
  return ended(child)
}

const ended = (child: ReturnType<typeof spawn>): Promise<RunResult> =>
  new Promise((resolve, reject) => {
    const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
    child.stdout?.on('data', (chunk: Buffer) => output.stdout.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => output.stderr.push(chunk))
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr) })
    })
  })

const text = (result: RunResult): string => `${result.stdout}${result.stderr}`

// Each number with arguments of −1 in a child of its own: some calls end, stop or block their process.
const walk = String.raw`
$SIG{ALRM} = 'DEFAULT'; $| = 1;
for my $nr (0 .. 600) {
  pipe(my $r, my $w);
  my $pid = fork;
  if (!$pid) { alarm 1; close $r; my $v = syscall($nr, -1, -1, -1, -1, -1, -1); my $e = $v == -1 ? $! + 0 : 0;
    syswrite $w, $e; syscall(231, 0) }
  close $w; sysread $r, my $errno, 9; close $r; kill 'KILL', $pid; waitpid $pid, 0;
  print "$nr ", (defined $errno && length $errno ? $errno : 'none'), "\n";
}`

// Kernels from 6.18 never show `uprobe` to a filter (as `uretprobe` before it): it acts only on trampolines that the
// kernel itself placed, and answers ENXIO to anybody else.
const unfiltered = new Set([336])

for (const profile of ['strict', 'userns'] as const)
  test(`${profile}: the kernel refuses what the profile refuses, number by number`, { skip }, async () => {
    const result = await cell(profile, ['perl', '-e', walk])
    const seen = new Map(
      result.stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string])
        .map(([number, errno]) => [Number(number), errno]),
    )
    assert.equal(seen.size, 601, text(result))
    const table = outcomes(profiles[profile], 'x86_64')
    const wrong = [...seen].filter(([number, errno]) => {
      const outcome = table[number] ?? 0x00050000 + 38
      const isRefusal = typeof outcome === 'number' && outcome >>> 16 === 5
      return isRefusal && !unfiltered.has(number) && errno !== String(outcome & 0xffff)
    })
    assert.deepEqual(wrong, [])
    assert(Number(seen.get(0)) === 9, 'read(-1) reaches the kernel: EBADF')
  })

const tool: Record<string, readonly [argv: readonly string[], expected: RegExp]> = {
  'node with a thread, TCP and UDP over ::1': [
    [
      '/tmp/node',
      '-e',
      `const { Worker } = require('node:worker_threads'), net = require('node:net'), dgram = require('node:dgram')
       new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', () => {
         const server = net.createServer((s) => s.end('tcp')).listen(0, '::1', () =>
           net.connect(server.address().port, '::1').on('data', () => {
             server.close()
             const u = dgram.createSocket('udp6').bind(0, '::1', () => u.send('x', u.address().port, '::1'))
             u.on('message', () => { u.close(); console.log('all fine') }) })) })`,
    ],
    /all fine/,
  ],
  'git init, commit and gc': [
    [
      'sh',
      '-c',
      `export HOME=/tmp; git init -q r && cd r && git -c user.name=a -c user.email=b commit -q --allow-empty -m x &&
       git gc -q && git fsck && git log --format=%s`,
    ],
    /^x$/m,
  ],
}
for (const [title, [argv, expected]] of Object.entries(tool))
  test(`strict lets ${title} work`, { skip }, async () => {
    const result = await cell('strict', argv)
    assert.equal(result.code, 0, text(result))
    assert.match(text(result), expected)
  })

const tryUnshare = ['unshare', '--user', 'true']
const tryMount = ['mount', '-t', 'tmpfs', 'tmpfs', '/tmp']
const tryBpf = ['perl', '-e', 'syscall(321, 99, 0, 0) == -1 or exit 0; print $! + 0; exit 1']

test('strict refuses user namespaces, mounts and bpf; userns allows the first only', { skip }, async () => {
  assert.match(text(await cell('strict', tryUnshare)), /Operation not permitted/)
  assert.equal((await cell('userns', tryUnshare)).code, 0)
  for (const profile of ['strict', 'userns'] as const) {
    assert.notEqual((await cell(profile, tryMount)).code, 0)
    assert.equal(text(await cell(profile, tryBpf)), '1')
    // Even for root of the cell's own user namespace, whom only the filter stops.
    const root = ['--uid', '0', '--gid', '0', '--cap-add', 'ALL']
    assert.match(text(await cell(profile, tryMount, root)), /permission denied|not permitted/i)
  }
})
