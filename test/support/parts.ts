// The server's parts below its HTTP routes, with a real PostgreSQL, a real vault behind its sockets and a TLS listener for
// runners: what the tests of runs, intake, projects, logs and the runner protocol stand on.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { sql } from 'kysely'
import { toBase64Url } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { ProjectId, RunnerId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { type GeneratedKey, generateSigningKey } from '../../src/seal/index.ts'
import { type Actor, scopeOfOrganisation } from '../../src/server/access/actor.ts'
import type { Database, DatabaseSettings } from '../../src/server/db/database.ts'
import { createFreshFrames } from '../../src/server/logs/fresh-frames.ts'
import { createWatchers } from '../../src/server/logs/watchers.ts'
import { createNewId } from '../../src/server/new-id.ts'
import { openFsStore } from '../../src/server/objects/fs-store.ts'
import { openRunnerListener } from '../../src/server/runners/open.ts'
import { createRunners } from '../../src/server/runners/runners.ts'
import { createJustBegun } from '../../src/server/runs/just-begun.ts'
import { createPlaces } from '../../src/server/runs/places.ts'
import { createRuns } from '../../src/server/runs/runs.ts'
import { type Meter, noMeter } from '../../src/server/telemetry/meter.ts'
import { createVaultClient } from '../../src/server/vault-client.ts'
import { randomBytes, systemClock } from '../../src/sys/index.ts'
import { listenVault, openVault } from '../../src/vault/index.ts'
import { makeCertificate } from './certificate.ts'
import { openAgain, testDatabase } from './postgres.ts'

export type Parts = Awaited<ReturnType<typeof openParts>>

/** What the scripted runner says that it compiles with, and so does this server. */
export const compiler = 'compiler of this release'
export const logSearchProgram = join(import.meta.dirname, '../../src/main/log-search.ts')

/** Everything is closed after the last test of the file. */
export const openParts = async (
  options: {
    readonly clock?: Clock
    readonly meter?: Pick<Meter, 'framesStored'>
    readonly onConnect?: DatabaseSettings['onConnect']
  } = {},
) => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-parts-'))
  const clock = options.clock ?? systemClock
  const closers: (() => unknown)[] = [() => rm(directory, { recursive: true, force: true })]
  after(async () => {
    for (const close of closers.reverse()) await close()
  })
  const { onConnect } = options
  const database = await testDatabase(onConnect === undefined ? {} : { onConnect })
  const { vault, ticketKey, admin, stopVault } = await startVault(directory, clock)
  closers.push(stopVault)
  const newId = createNewId({ clock, randomBytes })
  const objects = await openFsStore({ directory: join(directory, 'objects'), randomBytes, clock })
  const tls = await makeCertificate(directory)
  /** Of one server of those that share all this. */
  const openServer = async (own: Database) => {
    const watchers = createWatchers()
    const fresh = createFreshFrames(watchers)
    const places = createPlaces(newId)
    const listener = await openRunnerListener({
      port: 0,
      host: '127.0.0.1',
      ...tls,
      ...{ database: own, vault, objects, watchers, fresh, newId, places, clock },
      ticketKey: ticketKey.privateKey,
      serverUrl: () => 'http://localhost:8420',
      egressDefault: 'open' as const,
      meter: options.meter ?? noMeter,
      log: silentLog,
    })
    closers.push(() => listener.close())
    const justBegun = createJustBegun(own)
    const runs = createRuns({ database: own, newId, places, compiler, justBegun })
    return {
      ...{ database: own, db: own.db, watchers, fresh, places, runs, justBegun },
      runnerPort: listener.port,
    }
  }
  const server = await openServer(database)
  const organisation = newId('organisation')
  await sql`insert into organisations (id, name) values (${organisation}, 'acme')`.execute(database.db)
  const actor: Actor = { kind: 'operator', name: 'operator', scope: scopeOfOrganisation(organisation) }
  return {
    ...server,
    ...{ directory, clock, vault, admin, stopVault, newId, objects, organisation, actor, compiler },
    scope: actor.scope,
    log: silentLog,
    logSearch: logSearchProgram,
    runners: createRunners({ database }),
    /** Another server on the same database, vault and objects. */
    openBeside: async () => openServer(await openAgain(database)),
  }
}

/** A project from a directory on the server, so without a deploy key. */
export const addLocalProject = async (
  { db, newId, organisation, vault }: Pick<Parts, 'db' | 'newId' | 'organisation' | 'vault'>,
  name: string,
): Promise<ProjectId> => {
  const id = newId('project')
  const source = { kind: 'local' as const, root: 0, path: name }
  const { hook } = await vault.call('project.create', { project: id, org: organisation, source })
  await db
    .insertInto('projects')
    .values({
      id,
      organisation_id: organisation,
      name,
      source: JSON.stringify(source),
      source_url: `/srv/git/${name}`,
      default_branch: 'main',
      hook_id: hook,
    })
    .execute()
  return id
}

/** Enrolled in the vault and in the server. */
export const enrolRunner = async (
  parts: Parts,
  name: string,
): Promise<{ readonly id: RunnerId; readonly key: GeneratedKey }> => {
  const id = parts.newId('runner')
  const key = await generateSigningKey()
  const publicKey = toBase64Url(key.publicKey)
  await parts.admin('runner.enroll', { runner: id, publicKey, org: '*', projects: '*', tierMax: 'protected' })
  await parts.runners.enroll(parts.actor, { id, name, publicKey })
  return { id, key }
}

/** Behind its own sockets, with a key for tickets. */
export const startVault = async (directory: string, clock: Clock) => {
  const sockets = await mkdtemp(join(tmpdir(), 'mf-vs-'))
  const rootKeyPath = join(directory, 'root.key')
  await writeFile(rootKeyPath, randomBytes(32), { mode: 0o400 })
  const opened = await openVault({
    dataDir: join(directory, 'vault'),
    rootKeyPath,
    keyringPath: join(directory, 'keyring', 'keyring'),
    installation: 'test',
    oidcBase: 'https://id.example',
    clock,
    randomBytes,
    log: silentLog,
  })
  const [serverSocket, adminSocket] = [join(sockets, 'v.sock'), join(sockets, 'a.sock')]
  const listening = await listenVault(opened, { serverSocket, adminSocket })
  const client = createVaultClient({ socket: serverSocket })
  const adminClient = createVaultClient({ socket: adminSocket })
  const ticketKey = await generateSigningKey()
  await adminClient.call('ticketkey.set', { publicKey: toBase64Url(ticketKey.publicKey) })
  const stopVault = async () => {
    client.close()
    adminClient.close()
    await listening.close()
    await opened.close()
    await rm(sockets, { recursive: true, force: true })
  }
  return { vault: client, ticketKey, admin: adminClient.call, stopVault, serverSocket }
}
