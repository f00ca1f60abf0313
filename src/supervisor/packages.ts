// The Debian packages Mayfly needs (decision 16): found by the programs they bring, named before they are installed,
// installed only when we may (root and apt), otherwise the exact command is the answer.
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { fault } from '../base/faults.ts'
import { run } from '../sys/index.ts'

export type Need = { readonly name: string; readonly proof: readonly string[]; readonly why: string }

/** A package is there when one of its proof files is. */
export const productPackages: readonly Need[] = [
  { name: 'bubblewrap', proof: ['/usr/bin/bwrap'], why: 'builds the cells of a sandbox' },
  { name: 'git', proof: ['/usr/bin/git'], why: 'fetches commits' },
  { name: 'openssh-client', proof: ['/usr/bin/ssh-agent'], why: 'fetches over ssh with a deploy key' },
  {
    name: 'iproute2',
    proof: ['/usr/sbin/ip', '/sbin/ip', '/bin/ip'],
    why: 'makes the networks of sandboxes',
  },
  { name: 'perl-base', proof: ['/usr/bin/perl'], why: 'makes the namespaces and mounts of sandboxes' },
  { name: 'zstd', proof: ['/usr/bin/zstd'], why: 'compresses caches' },
  {
    name: 'postgresql-15',
    // Any that is taken where it is started (postgres.ts): 15 or later.
    proof: Array.from({ length: 16 }, (_, i) => `/usr/lib/postgresql/${15 + i}/bin/postgres`),
    why: 'keeps the state',
  },
  { name: 'ca-certificates', proof: ['/etc/ssl/certs/ca-certificates.crt'], why: 'lets jobs verify TLS' },
  { name: 'curl', proof: ['/usr/bin/curl'], why: 'the hook script speaks with it' },
  {
    name: 'openssl',
    proof: ['/usr/bin/openssl'],
    why: 'makes the certificate for runners, signs deliveries',
  },
]

export const testPackages: readonly Need[] = [
  { name: 'chromium', proof: ['/usr/bin/chromium'], why: 'end-to-end tests in a real browser' },
  { name: 'openssh-server', proof: ['/usr/sbin/sshd'], why: 'end-to-end tests over a real Git host' },
  {
    name: 'debootstrap',
    proof: ['/usr/sbin/debootstrap'],
    why: 'the from-zero test makes a minimal Debian root',
  },
  {
    name: 'python3-seccomp',
    proof: ['/usr/lib/python3/dist-packages/seccomp.cpython-311-x86_64-linux-gnu.so'],
    why: 'an independent seccomp compiler to compare with',
  },
]

/** For `./mayfly test machine`. */
export const machinePackages: readonly Need[] = [
  {
    name: 'qemu-system-x86',
    proof: ['/usr/bin/qemu-system-x86_64'],
    why: 'the cgroup v2 test boots a Debian with systemd',
  },
  { name: 'busybox-static', proof: ['/bin/busybox'], why: 'that Debian finds its disk with it' },
  { name: 'e2fsprogs', proof: ['/usr/sbin/mke2fs', '/sbin/mke2fs'], why: 'its disk is made with it' },
  { name: 'cpio', proof: ['/usr/bin/cpio', '/bin/cpio'], why: 'what it boots from is packed with it' },
]

export const missingPackages = (needs: readonly Need[]): readonly Need[] =>
  needs.filter((need) => !need.proof.some((path) => existsSync(path)))

const installDeadlineMs = 10 * 60_000

/** Installs what is missing; `say` gets one line before anything changes. Faults with the command when it may not. */
export const ensurePackages = async (
  needs: readonly Need[],
  { isRoot, say }: { isRoot: boolean; say: (line: string) => void },
): Promise<void> => {
  const missing = missingPackages(needs)
  if (missing.length === 0) return
  const names = missing.map((need) => need.name)
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`
  if (!isRoot || !existsSync('/usr/bin/apt-get'))
    throw fault('E_PACKAGES_MISSING', {
      public: `These packages are missing: ${names.join(', ')}. Install them with: ${command}`,
    })
  for (const need of missing) say(`installing ${need.name}: ${need.why}`)
  await keepDebianFromStartingPostgres()
  await apt(['update', '-q'])
  await apt(['install', '-y', '-q', '--no-install-recommends', ...names])
}

/** Debian's package starts a cluster on port 5432 unless this is written before it is installed (foundation.md §10). */
const keepDebianFromStartingPostgres = async (): Promise<void> => {
  const directory = '/etc/postgresql-common/createcluster.d'
  await mkdir(directory, { recursive: true })
  await writeFile(`${directory}/mayfly.conf`, 'create_main_cluster = false\n')
}

const apt = async (args: readonly string[]): Promise<void> => {
  const done = await run('apt-get', args, {
    timeoutMs: installDeadlineMs,
    env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
  })
  if (done.code === 0) return
  const lastLines = `${done.stdout}${done.stderr}`.trim().split('\n').slice(-5).join('\n')
  throw fault('E_PACKAGES_MISSING', { public: `apt-get ${args[0]} failed:\n${lastLines}` })
}
