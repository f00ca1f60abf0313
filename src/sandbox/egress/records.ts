// What the job did on the network, for the job page and the receipt: a row per connection, equal denials folded.
import { createHash } from 'node:crypto'
import type { EgressRecord } from '../driver.ts'
import { recordsMax } from './limits.ts'

export interface RecordBook {
  add(record: EgressRecord): void
  /** In order of first appearance. Denials that repeat say how often in `why`; rows beyond the limit are one row. */
  all(): readonly EgressRecord[]
}

export const createRecordBook = (max = recordsMax): RecordBook => {
  const rows: { record: EgressRecord; times: number }[] = []
  const denials = new Map<string, { record: EgressRecord; times: number }>()
  let beyond: EgressRecord | null = null
  let beyondTimes = 0
  return {
    add: (record) => {
      const key = [record.cell, record.proto, record.host, record.ip, record.port, record.why].join('\n')
      const same = record.verdict === 'denied' ? denials.get(key) : undefined
      if (same !== undefined) {
        same.times++
      } else if (rows.length >= max) {
        beyond ??= record
        beyondTimes++
      } else {
        const row = { record, times: 1 }
        rows.push(row)
        if (record.verdict === 'denied') denials.set(key, row)
      }
    },
    all: () => [
      ...rows.map(({ record, times }) =>
        times === 1 ? record : { ...record, why: `${record.why}, ${times} times` },
      ),
      ...(beyond === null
        ? []
        : [{ ...beyond, host: '', ip: null, why: `${beyondTimes} further rows were not kept` }]),
    ],
  }
}

/** The receipt's `egressDigest`. */
export const egressDigest = (records: readonly EgressRecord[]): `sha256:${string}` => {
  const hash = createHash('sha256')
  for (const record of records) hash.update(`${JSON.stringify(record)}\n`)
  return `sha256:${hash.digest('hex')}`
}
