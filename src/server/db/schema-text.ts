// The schema as text, from the catalogue of PostgreSQL: columns, constraints and indexes of every table in order.
// schema.sql is this text for the migrated database; a test compares them. For people and reviews, never executed.
import { sql } from 'kysely'
import type { Db } from './database.ts'

export const describeSchema = async (db: Db): Promise<string> => {
  const columns = await sql<{ table: string; line: string }>`
    select c.relname as table,
      '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || case when a.attnotnull then ' not null' else '' end
        || case a.attidentity when 'a' then ' generated always as identity' else '' end
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        || case when a.attstorage <> t.typstorage then ' storage ' || a.attstorage::text else '' end as line
    from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
    order by c.relname, a.attnum`.execute(db)
  const constraints = await sql<{ table: string; line: string }>`
    select conrelid::regclass::text as table, '  ' || conname || ': ' || pg_get_constraintdef(oid) as line
    from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0
    order by conrelid::regclass::text, conname`.execute(db)
  const indexes = await sql<{ table: string; line: string }>`
    select tablename as table, '  ' || indexdef as line from pg_indexes where schemaname = 'public'
    order by tablename, indexname`.execute(db)
  const tables = [...new Set(columns.rows.map((row) => row.table))]
  const linesOf = (rows: readonly { table: string; line: string }[], table: string): string[] =>
    rows.filter((row) => row.table === table).map((row) => row.line)
  const sections = tables.map((table) =>
    [
      table,
      ...linesOf(columns.rows, table),
      ...linesOf(constraints.rows, table),
      ...linesOf(indexes.rows, table),
    ].join('\n'),
  )
  return `-- Golden: what migrations/ make. Written by UPDATE_GOLDEN=1 on migrate.db.test.ts, never executed.\n${sections.join('\n\n')}\n`
}
