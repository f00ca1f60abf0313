// Writes the reference pages that come from the code: docs/reference/errors.md and config.md, and
// docs/compatibility.md where the corpus is. Tests check them.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { settingsJsonSchema } from '../src/supervisor/index.ts'
import { corpusNames } from '../test/support/damaged-configurations.ts'
import { compatibilityPage } from './compatibility-page.ts'
import { errorsPage } from './errors-page.ts'

const reference = join(import.meta.dirname, '../docs/reference')

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

await writeFile(join(reference, 'errors.md'), errorsPage())
if (corpusNames.length > 0) await writeFile(join(reference, '../compatibility.md'), compatibilityPage())
await writeFile(join(reference, 'config.md'), config.join('\n'))
