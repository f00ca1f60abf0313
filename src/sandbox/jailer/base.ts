// What every nest begins with (isolation.md §2.2): a list of what the maker makes in it, and what is bound into it, of which
// an `etc` of generated and public files is prepared here once per start. Nothing of a job ever comes here.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { hostCommands, hostCommandsPath } from '../../protocol/host-commands.ts'
import { jobCommands, jobCommandsPath, taskDataPath } from '../../protocol/job-commands.ts'
import { setsAtStart } from '../limits.ts'
import { resolverAddress } from './addresses.ts'
import { npmSettings, workPlaces } from './cell-options.ts'
import { loopScript, stepScript, stepsPlace, waitingScript } from './scripts.ts'

/**
 * The job's root tree, which of it is the job's own, and which everybody may write. Names of the
 * merged /usr (bin, lib …) are the host's own links into it.
 */
const rootTree = [
  ...['dev', 'home', 'mnt', 'opt', 'proc', 'run', 'run/mayfly', 'srv', 'sys', 'var', 'var/lib'],
  'var/log',
] as const
const ownTree = ['home/ci', 'home/ci/project', 'home/ci/go', taskDataPath.slice(1), ...workPlaces] as const
const writableTree = ['tmp', 'var/tmp', 'run/lock'] as const
/** Users of well-known images, whose names and homes configurations write down: all are the job's (decision 0037). */
const imageUsers = ['circleci', 'gradle', 'node', 'ubuntu'] as const
const usrLinks = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'] as const

/** Copied from the host when they exist; no passwd, hosts, machine-id, keys or credentials. */
const etcCopied = [
  'debian_version',
  'ld.so.cache',
  'ld.so.conf',
  'lsb-release',
  'mime.types',
  'os-release',
  'protocols',
  'services',
  'ssl/openssl.cnf',
] as const

/**
 * Bound from the host when they exist: hundreds of links each. Owners and modes stay the host's, so what not every user
 * of the host may read, such as a key that somebody left among the certificates, no job can read either.
 */
const etcBound = ['alternatives', 'ld.so.conf.d', 'ssl/certs'] as const

const etcGenerated: Readonly<Record<string, string>> = {
  passwd: [
    'root:x:0:0:root:/root:/usr/sbin/nologin',
    ...['ci', ...imageUsers].map((name) => `${name}:x:1000:1000:${name}:/home/${name}:/bin/bash`),
    'nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  ].join('\n'),
  group: [
    ...['root:x:0:', 'tty:x:5:', ...['ci', ...imageUsers].map((name) => `${name}:x:1000:`)],
    'nogroup:x:65534:\n',
  ].join('\n'),
  // The same on every runner, as in images.
  timezone: 'Etc/UTC\n',
  hosts: '127.0.0.1 localhost job\n::1 localhost ip6-localhost ip6-loopback\n',
  hostname: 'job\n',
  // Without a network nobody answers there, and asking fails at once.
  'resolv.conf': `nameserver ${resolverAddress}\noptions timeout:5 attempts:2\n`,
  'nsswitch.conf':
    'passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n',
  fstab: '',
  'mayfly/loop': loopScript,
  'mayfly/waiting': waitingScript,
}

/** What a nest has of the host or of the base, read-only: `at` is below its root, in this order. */
export type Bind = { readonly from: string; readonly at: string }

/** Makes `directory` anew. `trustCa` is the operator's bundle of certificate authorities, null for the system's. */
export const prepareBase = (
  directory: string,
  trustCa: string | null,
  rootless: boolean,
): readonly Bind[] => {
  refuseSplitUsr()
  rmSync(directory, { recursive: true, force: true })
  makeDirectory(directory, 0o711)
  prepareEtc(join(directory, 'etc'), trustCa, stepScript(rootless))
  const bound = etcBound.filter((name) => isDirectory(join('/etc', name)))
  return [
    { from: '/usr', at: 'usr' },
    { from: join(directory, 'etc'), at: 'etc' },
    ...bound.map((name) => ({ from: `/etc/${name}`, at: `etc/${name}` })),
  ]
}

/** With a merged /usr these are links, which a nest has too. */
const refuseSplitUsr = (): void => {
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    if (lstatSync(`/${name}`, { throwIfNoEntry: false })?.isSymbolicLink() === false)
      throw fault('E_SANDBOX_UNAVAILABLE', {
        public: `/${name} is a directory of its own: Mayfly needs a merged /usr (Debian 12 or newer has one)`,
      })
}

/**
 * For the maker, a line each: root's directories with their modes, those of the job's user (`own`), links, sets of FIFOs.
 * Open to the one user there is inside; outside only who made it may come near.
 */
export const skeletonOfNest = (rootless: boolean): readonly string[] => {
  const directory = (name: string, mode = '755') => `dir ${name} ${mode}`
  const sets = Array.from({ length: setsAtStart }, (_, i) => `sets/job/${i}`)
  return [
    ...['cells', 'src', 'root', 'sets', 'sets/job'].map((name) => directory(name)),
    ...rootTree.map((name) => directory(`root/${name}`)),
    ...writableTree.map((name) => directory(`root/${name}`, '1777')),
    ...ownTree.map((name) => `own root/${name} 755`),
    'link root/var/run /run',
    ...['root/root', ...imageUsers.map((name) => `root/home/${name}`)].map((at) => `link ${at} /home/ci`),
    'link root/go /home/ci/go',
    ...usrLinks.filter(isLink).map((name) => `link root/${name} ${readlinkSync(`/${name}`)}`),
    ...(rootless ? ['steps', 'steps/job', `root/${stepsPlace}`].map((name) => directory(name)) : []),
    ...sets.flatMap((set, i) => [
      directory(set),
      rootless ? `link ${set}/s /${stepsPlace}/${i}` : directory(`${set}/s`, '777'),
      `fifos ${set}`,
    ]),
  ]
}

const isLink = (name: string): boolean =>
  lstatSync(`/${name}`, { throwIfNoEntry: false })?.isSymbolicLink() === true

const prepareEtc = (etc: string, trustCa: string | null, step: string): void => {
  makeDirectory(etc, 0o755)
  for (const name of etcCopied) copyFromHost(etc, name)
  for (const [name, content] of Object.entries({ ...etcGenerated, 'mayfly/step': step }))
    put(etc, name, (to) => writeFileSync(to, content))
  symlinkSync('/usr/share/zoneinfo/Etc/UTC', join(etc, 'localtime'))
  for (const [name, content] of Object.entries(jobCommands))
    putCommand(etc, `${jobCommandsPath}/${name}`, content)
  for (const [name, content] of Object.entries(hostCommands))
    putCommand(etc, `${hostCommandsPath}/${name}`, content)
  put(etc, npmSettings.slice('etc/'.length), (to) =>
    writeFileSync(to, `${npmOfHost()}prefix=\${HOME}/.local\n`),
  )
  if (trustCa !== null) put(etc, 'mayfly/ca.pem', (to) => copyFileSync(trustCa, to))
  for (const name of etcBound) if (isDirectory(join('/etc', name))) makeParents(etc, `${name}/.`)
}

/** A link stays a link: where `localtime` leads is the name of the time zone. */
const copyFromHost = (etc: string, name: string): void => {
  const from = join('/etc', name)
  const found = lstatSync(from, { throwIfNoEntry: false })
  if (found === undefined) return
  if (found.isSymbolicLink()) {
    makeParents(etc, name)
    symlinkSync(readlinkSync(from), join(etc, name))
  } else put(etc, name, (to) => copyFileSync(from, to))
}

/** What this machine's npm tells every user, such as its registry; of a file that not everybody may read, nothing. */
const npmOfHost = (): string => {
  const file = existsSync('/usr/local/bin/npm') ? '/usr/local/etc/npmrc' : '/usr/etc/npmrc'
  const isPublic = ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0
  return isPublic ? `${readFileSync(file, 'utf8').trimEnd()}\n` : ''
}

/** `path` as a nest has it, below `/etc`. */
const putCommand = (etc: string, path: string, content: string): void => {
  const at = path.slice('/etc/'.length)
  put(etc, at, (to) => writeFileSync(to, content))
  chmodSync(join(etc, at), 0o755)
}

/** One file of ours that every user of a nest may read. */
const put = (etc: string, name: string, write: (to: string) => void): void => {
  makeParents(etc, name)
  write(join(etc, name))
  chmodSync(join(etc, name), 0o644)
}

const makeParents = (etc: string, name: string): void => {
  const path = join(etc, dirname(name))
  if (existsSync(path)) return
  makeParents(etc, dirname(name))
  makeDirectory(path, 0o755)
}

/** With exactly this mode, whatever the umask of the program is. */
const makeDirectory = (path: string, mode: number): void => {
  mkdirSync(path, { recursive: true })
  chmodSync(path, mode)
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The bundle of certificate authorities as a job sees it. */
export const caPath = (trustCa: string | null): string =>
  trustCa === null ? '/etc/ssl/certs/ca-certificates.crt' : '/etc/mayfly/ca.pem'
