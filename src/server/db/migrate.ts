// Brings the database to this version: numbered .sql files in order, each in one transaction with its row in
// `migration`, all under one advisory lock, so that two servers may start at once. A file is never edited after it
// ran (its digest is compared). A database that ran newer files is served only when none of them is breaking.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'

export type MigrateOptions = {
  readonly connection: pg.ClientConfig
  /** Where the numbered files lie. */
  readonly directory: string
  readonly log: Log
}

type Migration = {
  readonly number: number
  readonly name: string
  readonly text: string
  readonly digest: string
  readonly breaking: boolean
}

const advisoryLock = 0x6d617966

/** Returns how many files ran. */
export const migrate = async (options: MigrateOptions): Promise<number> => {
  const ours = await readMigrations(options.directory)
  const client = new pg.Client({ ...options.connection, statement_timeout: 600_000, lock_timeout: 60_000 })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [advisoryLock])
    await client.query(`create table if not exists migration (
      number integer primary key, name text not null, digest text not null, breaking boolean not null,
      ran_at timestamptz not null default now())`)
    const ran = await client.query<{ number: number; name: string; digest: string; breaking: boolean }>(
      'select number, name, digest, breaking from migration order by number',
    )
    const missing = pendingMigrations(ours, ran.rows)
    for (const migration of missing) {
      await runMigration(client, migration)
      options.log.info('migration ran', { name: migration.name })
    }
    return missing.length
  } finally {
    await client.end()
  }
}

/** The files that have not run yet; a fault when history and files do not agree. */
export const pendingMigrations = (
  ours: readonly Migration[],
  ran: readonly { number: number; name: string; digest: string; breaking: boolean }[],
): readonly Migration[] => {
  const byNumber = new Map(ours.map((migration) => [migration.number, migration]))
  const newest = ours.at(-1)?.number ?? 0
  for (const row of ran) {
    const file = byNumber.get(row.number)
    if (file === undefined && row.number <= newest)
      throw refused(`migration ${row.name} ran here but is not part of this version`)
    if (file === undefined && row.breaking)
      throw refused(
        `the database was changed by a newer version (${row.name}) that this one cannot work with`,
      )
    if (file !== undefined && file.digest !== row.digest)
      throw refused(`migration ${row.name} was edited after it ran`)
  }
  const done = new Set(ran.map((row) => row.number))
  return ours.filter((migration) => !done.has(migration.number))
}

export const readMigrations = async (directory: string): Promise<readonly Migration[]> => {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const migrations = await Promise.all(names.map((name) => readMigration(directory, name)))
  // A gap is no fault: what is written at the same time lands in any order.
  if (migrations.some((migration, i) => migration.number === migrations[i - 1]?.number))
    throw refused('two migrations have the same number')
  return migrations
}

const readMigration = async (directory: string, name: string): Promise<Migration> => {
  const text = await readFile(join(directory, name), 'utf8')
  const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]
  const kind = /^-- (not breaking|breaking)\b/.exec(text)?.[1]
  if (number === undefined || kind === undefined)
    throw refused(`${name}: the name is NNNN_words.sql, the first line says whether it is breaking`)
  return {
    number: Number(number),
    name,
    text,
    digest: createHash('sha256').update(text).digest('hex'),
    breaking: kind === 'breaking',
  }
}

const runMigration = async (client: pg.Client, migration: Migration): Promise<void> => {
  try {
    await client.query('begin')
    await client.query(migration.text)
    await client.query('insert into migration (number, name, digest, breaking) values ($1, $2, $3, $4)', [
      migration.number,
      migration.name,
      migration.digest,
      migration.breaking,
    ])
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => undefined)
    throw fault('E_MIGRATION', { detail: `migration ${migration.name} failed`, cause })
  }
}

const refused = (detail: string) => fault('E_MIGRATION', { public: `Database: ${detail}`, detail })
