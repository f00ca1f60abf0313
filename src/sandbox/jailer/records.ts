// One small file per nest beside the nests, so that a later jailer can sweep what this one leaves behind when it is
// killed: written before anything is made, removed when everything is proven gone.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { integer, list, object, parseShape, type Shaped, text } from '../../base/shape.ts'

const shape = object({
  id: text({ max: 8, form: /^[a-z2-7]{8}$/ }),
  uid: integer({ min: 1, max: 0x7fffffff }),
  groups: list(text({ max: 4096, form: /^\/.*\/[a-z2-7]{8}$/ }), { max: 16 }),
})
export type NestRecord = Shaped<typeof shape>

export interface Records {
  put(record: NestRecord): void
  drop(id: string): void
  has(id: string): boolean
  all(): readonly NestRecord[]
}

export const openRecords = (directory: string): Records => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = (id: string) => join(directory, `${id}.json`)
  return {
    put: (record) => writeFileSync(path(record.id), JSON.stringify(record), { mode: 0o600 }),
    has: (id) => existsSync(path(id)),
    drop: (id) => rmSync(path(id), { force: true }),
    all: () =>
      readdirSync(directory).flatMap((name) => {
        const parsed = parseShape(shape, readJson(join(directory, name)))
        return parsed.ok && name === `${parsed.value.id}.json` ? [parsed.value] : []
      }),
  }
}

/** A file that was cut off by a crash is no record: it was written before anything was made. */
const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}
