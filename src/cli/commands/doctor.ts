// `mayfly doctor`: what this machine has and lacks, and whether the installation on it is healthy; each finding with
// the command that would fix it. Changes nothing: the sandbox that is tried is gone when it answers.
import { existsSync } from 'node:fs'
import { access, constants, readdir, readFile, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { isFault } from '../../base/faults.ts'
import type { Project } from '../../protocol/api/shapes.ts'
import { readMeasured } from '../../runner/index.ts'
import type { Driver, HostFacts } from '../../sandbox/index.ts'
import { findNoUserNamespaces } from '../../sys/index.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'
import { openHostKeys, trustCommand } from './host-keys.ts'

type Finding = {
  readonly check: string
  readonly status: 'ok' | 'weak' | 'down'
  readonly detail: string
  /** A command; what has none that is exact says the one to begin with. */
  readonly fix: string
}

const freeBytesMin = 1024 ** 3
const measureMs = 60_000
const programs: readonly (readonly [name: string, packageName: string])[] = [
  ['bwrap', 'bubblewrap'],
  ['git', 'git'],
  ['ssh-agent', 'openssh-client'],
  ['ip', 'iproute2'],
  ['zstd', 'zstd'],
  ['openssl', 'openssl'],
  ['curl', 'curl'],
  ['tar', 'tar'],
  ['perl', 'perl-base'],
  ['setpriv', 'util-linux'],
]

export const doctor = async (around: Surroundings, flags: { readonly json?: boolean }): Promise<number> => {
  const findings = [
    checkNode(),
    ...(await Promise.all([
      ...programs.map(([name, packageName]) => checkProgram(around, name, packageName)),
      checkPostgres(),
      checkNamespaces(),
      ...(isRoot ? [checkCgroups()] : []),
      checkSwap(),
      checkDisk(around),
      checkRootKey(around),
    ])),
    ...(await checkSandbox(around)),
    ...(await checkInstallation(around)),
  ]
  if (flags.json) around.stdout.write(`${JSON.stringify(findings)}\n`)
  else {
    const paint = paintFor(around, around.stdout)
    const rows = findings.map((each) => [statusWord(paint, each.status), each.check, each.detail, each.fix])
    writeTable(around.stdout, ['STATUS', 'CHECK', 'FOUND', 'FIX'], rows)
  }
  return findings.some((each) => each.status === 'down') ? exitCodes.machineNotReady : exitCodes.success
}

const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail, fix: '' })
const weak = (check: string, detail: string, fix: string): Finding => ({ check, status: 'weak', detail, fix })
const down = (check: string, detail: string, fix: string): Finding => ({ check, status: 'down', detail, fix })

const checkNode = (): Finding => {
  const [major = '0'] = process.versions.node.split('.')
  return Number(major) >= 24
    ? ok('node', process.versions.node)
    : down('node', process.versions.node, './mayfly doctor')
}

const checkProgram = async (around: Surroundings, name: string, packageName: string): Promise<Finding> => {
  const directories = [
    ...(around.environment.PATH ?? '').split(':'),
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
  ]
  for (const directory of directories) {
    const path = join(directory || '/', name)
    if (await canExecute(path)) return ok(name, path)
  }
  return down(name, 'not found', `apt-get install --no-install-recommends ${packageName}`)
}

const canExecute = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

const readWord = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => null,
  )

const checkNamespaces = async (): Promise<Finding> => {
  const forbidden = findNoUserNamespaces(isRoot)
  if (forbidden !== null) return down('user namespaces', forbidden.why, forbidden.fix)
  const max = await readWord('/proc/sys/user/max_user_namespaces')
  return ok('user namespaces', `up to ${max ?? 'unknown'}`)
}

const isRoot = process.getuid?.() === 0
const asRoot = 'sudo mayfly up, or sudo mayfly run: as root all of it is held'

const checkCgroups = async (): Promise<Finding> => {
  const controllers = await readWord('/sys/fs/cgroup/cgroup.controllers')
  if (controllers?.includes('memory')) return ok('cgroups', `v2: ${controllers}`)
  if (existsSync('/sys/fs/cgroup/memory')) return ok('cgroups', 'v1')
  const boot = `sed -i 's/^GRUB_CMDLINE_LINUX="/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && update-grub && reboot`
  return down('cgroups', 'no memory controller', boot)
}

const checkSwap = async (): Promise<Finding> => {
  const lines = ((await readWord('/proc/swaps')) ?? '').split('\n').slice(1)
  return lines.length === 0
    ? ok('swap', 'off')
    : weak('swap', 'on: memory of jobs may reach the disk', 'swapoff -a')
}

const checkDisk = async (around: Surroundings): Promise<Finding> => {
  const { data } = await around.places()
  const place = existsSync(data) ? data : around.cwd
  const { bavail, bsize } = await statfs(place)
  const free = bavail * bsize
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${place}`
  return free >= freeBytesMin ? ok('disk', detail) : weak('disk', detail, `du -xh ${place} | sort -h | tail`)
}

/** Debian keeps the server's programs off the PATH, by their version. */
const checkPostgres = async (): Promise<Finding> => {
  const root = '/usr/lib/postgresql'
  const versions = (await readdir(root).catch(() => [])).filter((name) =>
    existsSync(join(root, name, 'bin/postgres')),
  )
  return versions.some((version) => Number(version) >= 15)
    ? ok('postgresql', versions.join(', '))
    : down('postgresql', 'not found', 'apt-get install --no-install-recommends postgresql-15')
}

/** Whoever has it and the data opens everything; whoever loses it, nothing. */
const checkRootKey = async (around: Surroundings): Promise<Finding> => {
  const { data, rootKey } = await around.places()
  const found = await stat(rootKey).catch(() => null)
  if (found !== null)
    return (found.mode & 0o077) === 0
      ? ok('root key', `${rootKey}; keep a copy where the backups are not`)
      : down('root key', `${rootKey} is open to others`, `chmod 0400 ${rootKey}`)
  return existsSync(join(data, 'vault', 'keyring'))
    ? down(
        'root key',
        `${rootKey} is gone: the vault cannot open`,
        `install -m 0400 -o mayfly-vault COPY ${rootKey}`,
      )
    : ok('root key', 'made by the first mayfly up')
}

/** The checks that count for `mayfly run`: can a sandbox be built here, and does a real one hold what it should. */
const checkSandbox = async (around: Surroundings): Promise<readonly Finding[]> => {
  try {
    const sandboxes = await around.openSandboxes()
    try {
      const probe = await sandboxes.driver.probe(AbortSignal.timeout(20_000))
      if (!probe.ok) return [down('sandbox', probe.why, probe.fix ?? further('MF3001'))]
      const { name } = sandboxes.driver
      const built =
        probe.notes.length === 0
          ? ok('sandbox', name)
          : weak('sandbox', probe.notes.join('; '), isRoot ? 'swapoff -a' : asRoot)
      return [...checkDelegated(probe.facts), built, await checkIsolation(sandboxes.driver)]
    } finally {
      await sandboxes.close()
    }
  } catch (error) {
    const [words, number] = isFault(error) ? [error.public, error.row.number] : [String(error), 'MF1099']
    return [down('sandbox', words, further(number))]
  }
}

const further = (number: string): string => (isRoot ? `mayfly explain ${number}` : 'sudo mayfly doctor')

/** Without root a jailer has all the groups that limits need, or none. */
const checkDelegated = ({ root, cgroups, controllers }: HostFacts): readonly Finding[] => {
  if (root) return []
  if (controllers.length > 0) return [ok('cgroups', `${cgroups}, delegated to you: ${controllers.join(' ')}`)]
  const detail =
    'none with memory, pids and cpu is delegated to you: memory and processor of jobs are not limited'
  return [weak('cgroups', detail, 'systemd-run --user --scope -p Delegate=yes mayfly up')]
}

const checkIsolation = async (driver: Driver): Promise<Finding> => {
  const measured = await driver.measure(AbortSignal.timeout(measureMs))
  const { tier, stops, weak: words, holds } = readMeasured(measured)
  const lost = driver.stops.filter((threat) => !stops.includes(threat))
  const detail = [
    `tier ${tier}, measured now: ${measured.probes.filter(({ verdict }) => verdict === 'held').length} of ${measured.probes.length} ways out held`,
    ...(lost.length === 0 ? [] : [`not claimed here: ${lost.join(' ')}`]),
    ...(driver.stops.includes('T-21') ? [] : ['a flaw of the kernel itself would not be held']),
    ...words,
  ].join('; ')
  if (!holds) return down('isolation', detail, 'mayfly down, until none is open')
  return lost.length === 0
    ? ok('isolation', detail)
    : weak('isolation', detail, 'apt-get update && apt-get dist-upgrade && reboot, for a newer kernel')
}

const checkInstallation = async (around: Surroundings): Promise<readonly Finding[]> => {
  const asked = await askInstallation(around).catch(() => null)
  if (asked === null)
    return [weak('installation', 'none answers', 'mayfly up, or mayfly login URL --token-stdin')]
  const { api, status } = asked
  const components = status.components.map(({ name, status: word, detail, mend }) => ({
    check: name,
    status: word,
    // Who cannot be looked up, as while the database is away, is told only which are down.
    detail: detail === '' && word === 'down' ? 'does not work' : detail,
    fix: word === 'ok' ? '' : fixOf(mend),
  }))
  return [...components, ...(await checkProjects(api, status.healthy))]
}

/** Whoever is sent here is here already: what is weak about the runner of this machine was said before. */
const fixOf = (mend: string | null): string =>
  mend?.startsWith('mayfly doctor') ? 'as for sandbox and isolation above' : (mend ?? 'mayfly status')

const askInstallation = async (around: Surroundings) => {
  const api = await connect(around)
  return { api, status: await api.call('status', {}) }
}

/** What is down says itself why the projects are not told, too. */
const checkProjects = async (api: ApiClient, isHealthy: boolean): Promise<readonly Finding[]> => {
  try {
    const { items } = await api.call('projects', { query: { limit: projectsLookedAt } })
    return items.flatMap(checkHostKeys)
  } catch (error) {
    if (!isHealthy) return []
    const why = isFault(error) ? error.public : String(error)
    return [weak('host keys', `not looked at: ${why}`, 'mayfly project list')]
  }
}

const projectsLookedAt = 100

/** Without a trusted key nothing is fetched; with an old one in its place, nothing any more. */
const checkHostKeys = (project: Project): readonly Finding[] => {
  const [open] = openHostKeys(project)
  if (open === undefined) return []
  const isFirst = project.host_keys.every(({ confirmed }) => !confirmed)
  const detail = isFirst
    ? `the source host shows ${open.fingerprint}, which nobody confirmed yet`
    : `the source host showed ${open.fingerprint} in the place of the confirmed key`
  return [weak(`host key of ${project.name}`, detail, trustCommand(project, open))]
}
