// Writes the reference pages that come from the code: docs/reference/errors.md and config.md. Tests check them.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { catalogue } from '../src/base/faults.ts'
import { problemCodes } from '../src/compile/index.ts'
import { settingsJsonSchema } from '../src/supervisor/index.ts'

const reference = join(import.meta.dirname, '../docs/reference')

const errors = [
  '# Errors',
  '',
  'Everything that can go wrong around a run, by number. `mayfly explain`-style pages grow from here.',
  'Numbers: 1xxx machine and start, 2xxx configuration (`src/compile/problem-codes.ts`), 3xxx sandbox and runner,',
  '4xxx API and access, 5xxx vault, 6xxx storage, 7xxx source hosts.',
  '',
  '| number | symbol | meaning | HTTP status | exit code | worth a retry |',
  '| --- | --- | --- | --- | --- | --- |',
  ...Object.entries(catalogue).map(
    ([code, row]) =>
      `| ${row.number} | \`${code}\` | ${row.title} | ${row.status} | ${row.exit} | ${row.retryable ? 'yes' : 'no'} |`,
  ),
  '',
  '## Problems in a configuration',
  '',
  '| number | symbol | severity | meaning |',
  '| --- | --- | --- | --- |',
  ...Object.entries(problemCodes).map(
    ([code, row]) => `| ${row.number} | \`${code}\` | ${row.severity} | ${row.title} |`,
  ),
  '',
]

type Property = {
  readonly description?: string
  readonly default?: unknown
  readonly type?: string
  readonly properties?: Record<string, Property>
}

const settingRows = (properties: Record<string, Property>, prefix: string): string[] =>
  Object.entries(properties).flatMap(([name, property]) =>
    property.properties !== undefined
      ? settingRows(property.properties, `${prefix}${name}.`)
      : [
          `| \`${prefix}${name}\` | ${property.type ?? ''} | ${'default' in property ? `\`${JSON.stringify(property.default)}\`` : '–'} | ${property.description ?? ''} |`,
        ],
  )

const config = [
  '# Settings',
  '',
  '`/etc/mayfly/mayfly.yml`, or `<data>-etc/mayfly.yml` with `--data`. Only the supervisor reads it; restart to apply.',
  'An unknown key or a bad value stops the start, with its line and column.',
  '',
  '| key | type | default | meaning |',
  '| --- | --- | --- | --- |',
  ...settingRows((settingsJsonSchema() as { properties: Record<string, Property> }).properties, ''),
  '',
]

await writeFile(join(reference, 'errors.md'), errors.join('\n'))
await writeFile(join(reference, 'config.md'), config.join('\n'))
