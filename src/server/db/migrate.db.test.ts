// Migrations against a real PostgreSQL: the golden schema, races, and databases of other versions.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { emptyDatabaseSettings, migrationsDirectory, testDatabase } from '../../../test/support/postgres.ts'
import { isFault } from '../../base/faults.ts'
import { silentLog } from '../../base/log.ts'
import { type Database, openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { describeSchema } from './schema-text.ts'

const golden = fileURLToPath(new URL('../../../schema.sql', import.meta.url))
const options = ({ connection }: Database) => ({ connection, directory: migrationsDirectory, log: silentLog })

test('the migrated database is the one in schema.sql', async () => {
  const { db } = await testDatabase()
  const text = await describeSchema(db)
  if (process.env.UPDATE_GOLDEN === '1') await writeFile(golden, text)
  assert.equal(text, await readFile(golden, 'utf8'))
})

test('the types of schema.ts name the columns of the database', async () => {
  const { db } = await testDatabase()
  const source = await readFile(new URL('./schema.ts', import.meta.url), 'utf8')
  const { rows } = await sql<{ table: string; columns: string[] }>`
    select table_name as table, array_agg(column_name::text order by column_name) as columns
    from information_schema.columns where table_schema = 'public' group by table_name`.execute(db)
  const actual = new Map(rows.map(({ table, columns }) => [table, columns]))
  const tables = [...source.matchAll(/^ {2}(\w+): \{([^}]*)\}/gm)]
  assert.ok(tables.length >= 15)
  for (const [, table = '', body = ''] of tables) {
    const columns = [...body.matchAll(/(?:^|[;\n])\s*(\w+): /g)].map(([, name]) => name)
    assert.deepEqual(columns.toSorted(), actual.get(table), table)
  }
})

test('two servers that start at once run every file once', async () => {
  const database = await openDatabase(await emptyDatabaseSettings(), silentLog)
  try {
    const ran = await Promise.all([migrate(options(database)), migrate(options(database))])
    assert.equal(Math.min(...ran), 0)
    assert.ok(Math.max(...ran) >= 1)
    assert.equal(await migrate(options(database)), 0)
  } finally {
    await database.close()
  }
})

test('a newer breaking migration or an edited one stops the start, a newer harmless one does not', async () => {
  const database = await testDatabase()
  const add = (number: number, breaking: boolean) =>
    sql`insert into migration (number, name, digest, breaking) values (${number}, ${`${number}_x.sql`}, 'd', ${breaking})`.execute(
      database.db,
    )
  const refuses = (why: RegExp) =>
    assert.rejects(
      migrate(options(database)),
      (error) => isFault(error, 'E_MIGRATION') && why.test(error.message),
    )
  await add(9001, false)
  assert.equal(await migrate(options(database)), 0)
  await add(9002, true)
  await refuses(/newer version/)
  await sql`delete from migration where number > 9000`.execute(database.db)
  await sql`update migration set digest = 'other' where number = 1`.execute(database.db)
  await refuses(/edited/)
})
