// The host's side of the probes: plants values where a sandbox must not see them, listens where it must not arrive,
// and counts. Whoever opens it closes it: every planted file, process and listener goes with it. It changes nothing
// else on the host, and a place that it may not write is simply not planted.
import { randomBytes } from 'node:crypto'
import { getServers } from 'node:dns'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, isIPv4, type ListenOptions, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { spawn } from '../../sys/index.ts'
import type { ListenerName, Seen } from './probe.ts'
import type { ProbeTargets } from './program.ts'

export interface ProbeHost {
  readonly targets: ProbeTargets
  readonly planted: Seen['planted']
  readonly shadow: Seen['shadow']
  /** Only in the environment of the step that runs the programs. */
  readonly secret: string
  accepted(listener: ListenerName): number
  close(): Promise<void>
}

/** `state`: those of the paths that lie in state directories. */
export type Planted = {
  readonly paths: readonly string[]
  readonly state?: readonly string[]
  readonly value: string
}

export type ProbeHostOptions = {
  /** Where this installation keeps its own data; what this process may not write is planted by `others`. */
  readonly stateDirectories: readonly string[]
  /** Sockets of ours that no job may reach. */
  readonly sockets: readonly string[]
  /** What somebody else planted, where this process may not write. */
  readonly others?: Planted
  /** Calibration only: stand-ins for the outside, and the tree in which files may be written. */
  readonly standIns?: Wanted
  readonly plantedRoot?: string
}

const everyonesDirectories = ['/etc', '/opt', '/home', '/srv', '/tmp', '/var/tmp', '/dev/shm']
const everyonesSockets = ['/run/dbus/system_bus_socket', '/tmp/.X11-unix/X0']
/** Of the user we are: whoever reaches one acts as he. */
const ownSockets = (uid: number): readonly string[] =>
  ['bus', 'systemd/private', 'docker.sock', 'podman/podman.sock', 'gnupg/S.gpg-agent', 'keyring/ssh'].map(
    (name) => `/run/user/${uid}/${name}`,
  )
/** Where nobody of ours listens: the service's own port, or one that is surely closed. */
const defaultPorts: ProbeTargets['ports'] = {
  loopback: 9,
  loopback6: 9,
  bridge: 9,
  notation: 9,
  metadata: 80,
  outside: 443,
}

export const openProbeHost = async (options: ProbeHostOptions): Promise<ProbeHost> => {
  const nonce = randomBytes(8).toString('hex')
  const value = `planted${randomBytes(16).toString('hex')}`
  const markerHead = `mark${randomBytes(8).toString('hex')}`
  const marker = `${markerHead}${randomBytes(16).toString('hex')}`
  // The number tells a later life of ours what is left of this one.
  const name = `${canaryHead}${process.pid}-${nonce}`
  clearLeft([...options.stateDirectories, ...everyonesDirectories])
  const state = plant(options.stateDirectories, name, value)
  const canaries = [...state, ...plant(everyonesDirectories, name, value)]
  const bystander = spawn('/bin/sh', ['-c', 'read -r _ || :', marker], {
    env: { MAYFLY_PROBE_MARKER: marker },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const abstractName = `mayfly-probe-${nonce}`
  const listeners = await openListeners({
    loopback: { host: '127.0.0.1', port: 0 },
    loopback6: { host: '::1', port: 0 },
    bridge: { host: '127.0.0.1', port: 0 },
    notation: { host: '127.0.0.1', port: 0 },
    abstract: { path: `\0${abstractName}` },
    ...options.standIns,
  })
  return {
    targets: {
      hostNamespaces: [readlinkSync('/proc/self/ns/pid'), readlinkSync('/proc/self/ns/user')],
      hostPid: bystander.pid ?? process.pid,
      canaries: [...canaries, ...(options.others?.paths ?? [])],
      stateCanaries: [...state, ...(options.others?.state ?? [])],
      markerHead,
      sockets: [...options.sockets, ...everyonesSockets, ...ownSockets(process.getuid?.() ?? 0)],
      disks: readDisks(),
      addresses: readAddresses(),
      resolvers: getServers().filter(isIPv4),
      ports: { ...defaultPorts, ...listeners.ports() },
      abstractName,
      nonce,
      plantedRoot: options.plantedRoot ?? '',
    },
    planted: [value, marker, ...(options.others === undefined ? [] : [options.others.value])],
    shadow: readShadow(),
    secret: randomBytes(16).toString('hex'),
    accepted: listeners.accepted,
    close: async () => {
      for (const path of canaries) rmSync(path, { force: true })
      bystander.stdin?.end()
      await Promise.all([
        listeners.close(),
        bystander.exitCode === null && bystander.signalCode === null ? once(bystander, 'exit') : null,
      ])
    },
  }
}

const canaryHead = 'mayfly-canary-'

/** What processes of ours planted that were killed before they could clear it: their number is nobody's now. */
export const clearLeft = (directories: readonly string[]): void => {
  for (const directory of directories)
    for (const name of namesIn(directory)) {
      const pid = new RegExp(`^${canaryHead}(\\d+)-[0-9a-f]{16}$`).exec(name)?.[1]
      if (pid === undefined || existsSync(`/proc/${pid}`)) continue
      const path = join(directory, name)
      // SAFE: removes a name and follows nothing; whose file it is, the kernel asks in these directories.
      if (lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.())
        rmSync(path, { force: true })
    }
}

const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory)
  } catch {
    return [] // not ours to read, or not there
  }
}

const plant = (directories: readonly string[], name: string, value: string): readonly string[] =>
  directories
    .map((directory) => join(directory, name))
    .filter((path) => {
      try {
        writeFileSync(path, value, { flag: 'wx' })
        chmodSync(path, 0o644) // whatever our umask is: the wall must hide it, not the mode
        return true
      } catch {
        return false // not ours to write, or not there
      }
    })

type Wanted = Partial<Record<ListenerName, ListenOptions>>

const openListeners = async (wanted: Wanted) => {
  const counts = new Map<ListenerName, number>()
  const servers = new Map<ListenerName, Server>()
  for (const [name, where] of Object.entries(wanted) as [ListenerName, ListenOptions][]) {
    const server = createServer((socket) => {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      // Destroyed rather than closed: nobody reads what it sent, so its end would never be seen.
      socket.on('error', () => undefined).end('reached', () => socket.destroy())
    })
    const isListening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(where, () => resolve(true)) // no IPv6 here, for one
    })
    if (isListening) servers.set(name, server)
  }
  return {
    accepted: (name: ListenerName) => counts.get(name) ?? 0,
    ports: (): Partial<Record<ListenerName, number>> =>
      Object.fromEntries(
        [...servers].flatMap(([name, server]) => {
          const address = server.address()
          return typeof address === 'object' && address !== null ? [[name, address.port]] : []
        }),
      ),
    close: () =>
      Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve)))),
  }
}

const readDisks = (): readonly string[] =>
  readText('/proc/partitions')
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/\s+/)[3])
    .filter((name) => name !== undefined)
    .slice(0, 8)
    .map((name) => `/dev/${name}`)

const readAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => !entry.internal)
    .map((entry) => entry.address)
    .slice(0, 8)

const readShadow = (): string | null => readText('/etc/shadow').split('\n')[0] || null

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
