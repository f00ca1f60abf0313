// What every nest is copied and bound from, prepared once per start (isolation.md §2.2): a skeleton of the job's root
// tree with its first FIFOs, and an `etc` of generated and public files. Nothing of a job ever comes here.
import { chmod, cp, lstat, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { run } from '../../sys/index.ts'
import { setsAtStart, toolMs } from '../limits.ts'
import { resolverAddress } from './net.ts'
import { loopScript, skeletonScript, stepScript } from './scripts.ts'

/** Copied from the host when they exist; no passwd, hosts, machine-id, keys or credentials. */
const etcCopied = [
  'alternatives',
  'debian_version',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'lsb-release',
  'mime.types',
  'os-release',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'timezone',
] as const

const etcGenerated: Readonly<Record<string, string>> = {
  passwd:
    'root:x:0:0:root:/root:/usr/sbin/nologin\nci:x:1000:1000:ci:/home/ci:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  group: 'root:x:0:\ntty:x:5:\nci:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost job\n::1 localhost ip6-localhost ip6-loopback\n',
  hostname: 'job\n',
  // Without a network nobody answers there, and asking fails at once.
  'resolv.conf': `nameserver ${resolverAddress}\noptions timeout:5 attempts:2\n`,
  'nsswitch.conf':
    'passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n',
  fstab: '',
  'mayfly/loop': loopScript,
  'mayfly/step': stepScript,
}

/** Makes `directory` anew. `trustCa` is the operator's bundle of certificate authorities, null for the system's. */
export const prepareBase = async (directory: string, trustCa: string | null): Promise<void> => {
  await refuseSplitUsr()
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o711)
  const made = await run(
    '/bin/sh',
    ['-c', skeletonScript, 'sh', join(directory, 'nest'), String(setsAtStart)],
    {
      timeoutMs: toolMs,
    },
  )
  if (made.code !== 0) throw fault('E_SANDBOX_UNAVAILABLE', { detail: `skeleton of a nest: ${made.stderr}` })
  // Targets are relative to the nest, where the anchor stands.
  const binds = [`/usr root/usr`, `${directory}/etc root/etc`].map((bind) => `${bind} none bind,ro 0 0\n`)
  await writeFile(join(directory, 'fstab'), binds.join(''))
  await prepareEtc(join(directory, 'etc'), trustCa)
}

/** With a merged /usr these are links, which the skeleton copies. */
const refuseSplitUsr = async (): Promise<void> => {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const found = await lstat(`/${name}`).catch(() => null)
    if (found !== null && !found.isSymbolicLink())
      throw fault('E_SANDBOX_UNAVAILABLE', {
        public: `/${name} is a directory of its own: Mayfly needs a merged /usr (Debian 12 or newer has one)`,
      })
  }
}

const prepareEtc = async (etc: string, trustCa: string | null): Promise<void> => {
  await mkdir(etc, { recursive: true, mode: 0o755 })
  // One process: file by file, the certificates alone would take longer than a nest.
  const present = await Promise.all(etcCopied.map(isPresent))
  const names = etcCopied.filter((_, i) => present[i])
  const options = ['-dR', '--preserve=mode', '--parents', '--']
  const copied = await run('cp', [...options, ...names, etc], { cwd: '/etc', timeoutMs: toolMs })
  if (copied.code !== 0) throw fault('E_SANDBOX_UNAVAILABLE', { detail: `cp: ${copied.stderr}` })
  for (const [name, content] of Object.entries(etcGenerated)) {
    await mkdir(dirname(join(etc, name)), { recursive: true, mode: 0o755 })
    await writeFile(join(etc, name), content)
  }
  if (trustCa !== null) await cp(trustCa, join(etc, 'mayfly/ca.pem'))
  const open = await run('chmod', ['-R', 'u+rwX,go=rX', etc], { timeoutMs: toolMs })
  if (open.code !== 0) throw fault('E_SANDBOX_UNAVAILABLE', { detail: `chmod: ${open.stderr}` })
}

const isPresent = (name: string): Promise<boolean> =>
  lstat(join('/etc', name)).then(
    () => true,
    () => false,
  )

/** The bundle of certificate authorities as a job sees it. */
export const caPath = (trustCa: string | null): string =>
  trustCa === null ? '/etc/ssl/certs/ca-certificates.crt' : '/etc/mayfly/ca.pem'
