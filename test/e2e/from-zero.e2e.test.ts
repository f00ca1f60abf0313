// From zero: a minimal Debian root made by debootstrap that holds Node and npm and nothing else, a fresh clone in it,
// and `./mayfly up` there: packages, build, start, sample run, claim link; then `down` leaves no process behind.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeDebianRoot } from '../support/debian-root.ts'
import { freePort, repository } from '../support/installation.ts'

const machine = { directory: '', root: '' }

before(async () => {
  machine.directory = await mkdtemp(join(tmpdir(), 'mayfly-zero-'))
  machine.root = join(machine.directory, 'root')
  makeRoot(machine.root)
})

after(async () => {
  await rm(machine.directory, { recursive: true, force: true })
})

test('a fresh clone on a minimal Debian comes up, runs the sample project and goes down again', async () => {
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', repository, join(machine.root, 'srv/mayfly')])
  const [port, runnerPort] = [await freePort(), await freePort()]
  writeFileSync(join(machine.root, 'srv/scenario.sh'), scenario(port, runnerPort))
  const { code, output } = await inside(machine.root, '/bin/sh /srv/scenario.sh')
  assert.equal(code, 0, output)
  assert.match(output, /the sample run passed/)
  assert.match(output, /Claim it within 30 minutes: http:\/\/localhost:/)
  assert.match(output, /left over: 0$/m)
})

/** Up in the background, wait for the announcement, down, then count what is still there beside this shell. */
const scenario = (port: number, runnerPort: number): string => `set -eu
cd /srv/mayfly
./mayfly up --port ${port} --runner-port ${runnerPort} > /srv/up.log 2>&1 &
up=$!
waited=0
until grep -q 'Press Ctrl-C' /srv/up.log; do
  kill -0 $up || { cat /srv/up.log; exit 1; }
  [ $waited -lt 3000 ] || { cat /srv/up.log; exit 1; }
  waited=$((waited + 1)); sleep 0.1
done
./mayfly down
wait $up || { cat /srv/up.log; exit 1; }
cat /srv/up.log
left=0
for pid in $(ls /proc | grep -E '^[0-9]+$'); do
  [ "$pid" = 1 ] || [ "$pid" = $$ ] || ! grep -qaE 'mayfly|postgres|bwrap' /proc/$pid/cmdline 2>/dev/null || left=$((left + 1))
done
grep -c '/run/mayfly' /proc/self/mountinfo > /srv/mounts || true
echo "left over: $left"
[ "$(cat /srv/mounts)" = 0 ]
`

const makeRoot = (root: string): void => {
  makeDebianRoot(root, ['libstdc++6'])
  copyNode(root)
  for (const path of [
    '/etc/apt/sources.list',
    '/etc/apt/sources.list.d',
    '/etc/apt/apt.conf.d',
    '/etc/resolv.conf',
    '/etc/hosts',
  ])
    if (existsSync(path)) cpSync(path, join(root, path), { recursive: true, force: true, dereference: true })
  // The authority that this machine trusts: a root without it could not speak to any registry.
  const bundle = '/etc/ssl/certs/ca-certificates.crt'
  mkdirSync(join(root, 'etc/ssl/certs'), { recursive: true })
  cpSync(bundle, join(root, 'etc/ssl/certs/host-authorities.crt'))
  const local = '/usr/local/share/ca-certificates'
  if (existsSync(local)) cpSync(local, join(root, local), { recursive: true, dereference: true })
}

/** The Node and npm of this machine, which are all the README asks for. */
const copyNode = (root: string): void => {
  const which = (name: string) =>
    realpathSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim())
  const npm = dirname(dirname(which('npm')))
  cpSync(which('node'), join(root, 'usr/local/bin/node'))
  cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')])
}

/** pivot_root, not chroot: in a chroot the kernel refuses user namespaces. */
const inside = (root: string, command: string): Promise<{ code: number | null; output: string }> => {
  const script = `set -eu
mount --rbind "${root}" "${root}"
mount --rbind /sys "${root}/sys"; mount --rbind /dev "${root}/dev"
mount -t proc proc "${root}/proc"; mount -t tmpfs tmpfs "${root}/run"; mount -t tmpfs tmpfs "${root}/tmp"
mkdir -p "${root}/old"; cd "${root}"; pivot_root . old; umount -l /old
exec ${command}`
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()
  const child = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', '--', '/bin/sh', '-c', script],
    {
      cwd: '/',
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        NPM_CONFIG_REGISTRY: registry,
        NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/host-authorities.crt',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output: chunks.join('') })))
}
