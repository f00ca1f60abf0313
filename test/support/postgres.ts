// One private PostgreSQL per test process, and a fresh migrated database per call, cloned from a template.
// Everything is stopped and removed after the last test of the file.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { silentLog } from '../../src/base/log.ts'
import { type Database, type DatabaseSettings, openDatabase } from '../../src/server/db/database.ts'
import { migrate } from '../../src/server/db/migrate.ts'
import { openPostgres, type Postgres } from '../../src/supervisor/postgres.ts'
import { randomBytes } from '../../src/sys/index.ts'

export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url))

/** PostgreSQL refuses root; `nobody` exists everywhere. */
const nobody = { uid: 65534, gid: 65534 }

type Cluster = {
  readonly postgres: Postgres
  readonly directory: string
  readonly made: Database[]
  count: number
}
let starting: Promise<Cluster> | undefined
const closeMs = 10_000

after(async () => {
  if (starting === undefined) return
  const { postgres, directory, made } = await starting
  // A transaction that a failed test left open is waited for without end: its server stops all the same, and with it the file.
  await Promise.race([
    Promise.all(made.map((database) => database.close())),
    sleep(closeMs, null, { ref: false }),
  ])
  await postgres.close()
  await rm(directory, { recursive: true, force: true })
})

/** A migrated, empty database of its own. Closed at the end of the process at the latest. */
export const testDatabase = async (options: Pick<DatabaseSettings, 'onConnect'> = {}): Promise<Database> => {
  const settings = await testDatabaseSettings()
  const database = await openDatabase({ ...settings, ...options }, silentLog)
  const cluster = await theCluster()
  cluster.made.push(database)
  return database
}

/** As another server opens it. */
export const openAgain = async ({ connection }: Database): Promise<Database> => {
  const { host = '', database = '', user = '' } = connection
  const { postgres, made } = await theCluster()
  const again = await openDatabase({ ...settingsOf(postgres, database), host, user }, silentLog)
  made.push(again)
  return again
}

/** As testDatabase, for programs that open it themselves. */
export const testDatabaseSettings = async (): Promise<DatabaseSettings> => {
  const cluster = await theCluster()
  const name = `t${++cluster.count}`
  await administer(cluster.postgres, `create database ${name} template template_mayfly`)
  return settingsOf(cluster.postgres, name)
}

/** A database without any table. */
export const emptyDatabaseSettings = async (): Promise<DatabaseSettings> => {
  const cluster = await theCluster()
  const name = `t${++cluster.count}`
  await administer(cluster.postgres, `create database ${name}`)
  return settingsOf(cluster.postgres, name)
}

const theCluster = (): Promise<Cluster> => {
  starting ??= startCluster()
  return starting
}

const startCluster = async (): Promise<Cluster> => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-pg-'))
  await chmod(directory, 0o711)
  const postgres = await openPostgres({
    dataDir: join(directory, 'd'),
    socketDir: join(directory, 's'),
    owner: process.getuid?.() === 0 ? nobody : null,
    log: silentLog,
    randomBytes,
    fsync: false,
  })
  await administer(postgres, 'create database template_mayfly')
  const template = await openDatabase(settingsOf(postgres, 'template_mayfly'), silentLog)
  await migrate({ connection: template.connection, directory: migrationsDirectory, log: silentLog })
  await template.close()
  return { postgres, directory, made: [], count: 0 }
}

const settingsOf = (postgres: Postgres, database: string): DatabaseSettings => ({
  host: postgres.socketDir,
  database,
  user: postgres.user,
  passwordFile: postgres.passwordFile,
})

const administer = async (postgres: Postgres, statement: string): Promise<void> => {
  const { connection, close } = await openDatabase(settingsOf(postgres, 'postgres'), silentLog)
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(statement)
  await client.end()
  await close()
}
