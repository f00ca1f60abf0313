// What each program is told on descriptor 3, in one place: who knows what is a matter of trust, so it is read here.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { handBackFlags } from '../sys/index.ts'
import type { Identity } from './identity.ts'
import type { Layout } from './layout.ts'
import type { Owner } from './postgres.ts'
import type { Programs } from './programs.ts'
import type { Settings } from './settings.ts'

export const vaultConfig = (layout: Layout, identity: Identity, oidcBase: string) => ({
  installation: identity.installation,
  oidcBase,
  dataDir: join(layout.data, 'vault'),
  keyringPath: join(layout.data, 'vault', 'keyring'),
  rootKeyPath: layout.rootKey,
  serverSocket: layout.vaultSocket,
  adminSocket: layout.vaultAdminSocket,
})

export const serverConfig = (input: {
  readonly layout: Layout
  readonly port: number
  readonly runnerPort: number
  readonly publicUrl: string
  readonly organisation: string
  readonly localRepositories: readonly string[]
  readonly egressDefault: 'none' | 'open'
  readonly telemetry: Pick<Settings, 'metrics' | 'traces'>
  readonly doors: Pick<Settings, 'http' | 'securityTxt'>
  readonly webhooks: { readonly allow: readonly string[]; readonly authorities: string }
  readonly retention: Settings['retention']
  readonly identity: Identity
  readonly programs: Programs
}) => ({
  dataDir: join(input.layout.data, 'server'),
  objectsDir: join(input.layout.data, 'objects'),
  database: {
    host: input.layout.databaseSocketDir,
    database: 'mayfly',
    user: 'mayfly',
    passwordFile: join(input.layout.data, 'pg', 'password'),
  },
  http: {
    ...{ port: input.port, publicUrl: input.publicUrl },
    trustedProxies: input.doors.http.trustedProxies,
  },
  securityTxt: input.doors.securityTxt.contact === undefined ? null : input.doors.securityTxt,
  // Runners elsewhere come with a later issue: until then nobody but this machine can speak to the port.
  runner: {
    host: '127.0.0.1',
    port: input.runnerPort,
    keyFile: input.identity.tlsKeyFile,
    certFile: input.identity.tlsCertificateFile,
  },
  sockets: { operator: input.layout.operatorSocket, vault: input.layout.vaultSocket },
  ticketKeyFile: input.identity.ticketKeyFile,
  webDir: join(input.programs.directory, 'web'),
  migrationsDir: join(input.programs.directory, 'migrations'),
  localRepositoryRoots: input.localRepositories,
  organisation: { name: input.organisation },
  egressDefault: input.egressDefault,
  rosterFile: input.layout.roster,
  metrics: input.telemetry.metrics.port === undefined ? null : { port: input.telemetry.metrics.port },
  traces: input.telemetry.traces.endpoint === undefined ? null : input.telemetry.traces,
  retention: input.retention,
  webhooks: {
    allow: input.webhooks.allow,
    authoritiesFile: existsSync(input.webhooks.authorities) ? input.webhooks.authorities : null,
  },
})

export const runnerConfig = (input: {
  readonly layout: Layout
  readonly runnerPort: number
  readonly settings: Settings
  readonly identity: Identity
  readonly slots: number
  /** The vault's signing key: the runner checks its answers with it. */
  readonly vsign: string
}) => ({
  server: { url: `https://127.0.0.1:${input.runnerPort}`, spkiSha256: input.identity.spkiSha256 },
  runner: { id: input.identity.runner.id, name: 'local', keyFile: input.identity.runner.keyFile },
  dataDir: join(input.layout.data, 'runner'),
  vaultSignKey: input.vsign,
  slots: input.slots,
  egress: { allow: input.settings.egress.allow },
  sources: input.settings.sources,
  trust: { ca: input.settings.trust.ca },
  isolation: input.settings.isolation,
  ...(input.layout.isRoot ? {} : { rootless: true }),
})

/**
 * Of runner and server. Logs go through buffers beside the heap, which V8 counts to it: with heaps as small as theirs it would
 * collect all of it thirty times for a log of 73 MB. It may grow to five times what was left over before the next time.
 */
export const logPathFlags = ['--heap-growing-percent=400'] as const

export const jailerConfig = (input: {
  readonly layout: Layout
  readonly identity: Identity
  readonly programs: Programs
  /** null: without root, the same user as everybody. */
  readonly runnerUser: Owner | null
  readonly repositoryRoots: readonly string[]
  readonly slots: number
  readonly runner: unknown
  readonly settings: Settings
}) => ({
  installation: input.identity.installation,
  runDirectory: input.layout.run,
  runnerCommand: [
    input.programs.node,
    ...handBackFlags,
    ...logPathFlags,
    join(input.programs.directory, 'runner.js'),
  ],
  runnerConfig: input.runner,
  ...(input.runnerUser === null ? {} : { runnerUser: input.runnerUser }),
  repositoryRoots: input.repositoryRoots,
  stateDirectories: [input.layout.data, input.layout.etc],
  // One read-only tool object: the release's own Node and the compiler, for plan cells.
  tools: { release: join(input.programs.directory, 'tool') },
  slots: input.slots,
  trustCa: input.settings.trust.ca,
})
