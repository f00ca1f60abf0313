// What the reports of one step say together: read file by file out of the sandbox's archive, bounded, and written down in
// the order and form of protocol/test-results.ts.
import { createZstdCompress } from 'node:zlib'
import {
  type TestCase,
  type TestFacts,
  type TestOutcome,
  testMessageMax,
  testOutcomes,
  testsPerObjectMax,
  testTextMax,
  testWordMax,
} from '../../../protocol/test-results.ts'
import { archiveLimits, reportBytesMax, reportsMax } from '../../limits.ts'
import { through } from '../../stores/archive.ts'
import { readTar } from '../../stores/tar-read.ts'
import { createTarRules, shown, type TarEntry } from '../../stores/tar-rules.ts'
import { createTextOf } from './encoding.ts'
import { createReportReader } from './junit.ts'

export type TestLine = { readonly outcome: TestOutcome; readonly ms: number; readonly bytes: Buffer }

export type Collected = {
  readonly lines: readonly TestLine[]
  readonly files: number
  /** For people: what could not be read, and what was left out. */
  readonly notes: readonly string[]
}

/** `wordsOf` says how a test's words stand outside of the sandbox. */
export const collectReports = async (
  tar: AsyncIterable<Uint8Array>,
  wordsOf: (test: TestCase) => TestCase,
): Promise<Collected> => {
  const kept = createKept(wordsOf)
  const notes: string[] = []
  let files = 0
  let open: Report | null = null
  const close = () => {
    const wrong = open?.end() ?? null
    if (wrong !== null) notes.push(wrong)
    open = null
  }
  for await (const item of readTar(tar, createTarRules(archiveLimits))) {
    if ('data' in item) {
      open?.write(item.data)
      continue
    }
    close()
    if (item.entry.kind !== 'file' || ++files > reportsMax) continue
    open = openReport(item.entry, kept.add)
  }
  close()
  if (files > reportsMax) notes.push(`more than ${reportsMax} files: the others are left out`)
  if (kept.leftOut() > 0) notes.push(`${kept.leftOut()} tests are left out: there are too many`)
  return { lines: kept.sorted(), files, notes }
}

type Report = { write(bytes: Uint8Array): void; end(): string | null }

const openReport = ({ path, size }: TarEntry, found: (test: TestCase) => void): Report => {
  if (size > reportBytesMax)
    return { write: () => undefined, end: () => `${shown(path)} is larger than ${reportBytesMax} bytes` }
  const reader = createReportReader(found)
  const text = createTextOf()
  return {
    write: (bytes) => reader.write(text.write(bytes)),
    end: () => {
      reader.write(text.end())
      const wrong = reader.end()
      return wrong === null ? null : `${shown(path)}: ${wrong}`
    },
  }
}

const createKept = (wordsOf: (test: TestCase) => TestCase) => {
  const lines: TestLine[] = []
  let size = 0
  let leftOut = 0
  return {
    add: (raw: TestCase): void => {
      const test = cut(wordsOf(raw))
      const bytes = Buffer.from(`${JSON.stringify(test)}\n`)
      if (lines.length >= testsPerObjectMax || size + bytes.length > testTextMax) leftOut++
      else {
        lines.push({ outcome: test.outcome, ms: test.ms, bytes })
        size += bytes.length
      }
    },
    leftOut: () => leftOut,
    sorted: () =>
      lines.sort((a, b) => testOutcomes.indexOf(a.outcome) - testOutcomes.indexOf(b.outcome) || b.ms - a.ms),
  }
}

const cut = ({ name, class: of, file, message, ...rest }: TestCase): TestCase => ({
  ...rest,
  ...{ name: name.slice(0, testWordMax), class: of.slice(0, testWordMax), file: file.slice(0, testWordMax) },
  message: message.slice(0, testMessageMax),
})

/** The bytes to store, and what is told of them once they are through. */
export const packTests = (
  lines: readonly TestLine[],
): { readonly bytes: AsyncIterable<Uint8Array>; readonly facts: () => TestFacts } => {
  let length = 0
  const plain = async function* () {
    for (const { bytes } of lines) yield bytes
  }
  const bytes = async function* () {
    for await (const piece of through(plain(), createZstdCompress())) {
      length += piece.length
      yield piece
    }
  }
  return {
    bytes: bytes(),
    facts: () => ({
      ...countOutcomes(lines),
      ms: lines.reduce((sum, { ms }) => sum + ms, 0),
      size: lines.reduce((sum, line) => sum + line.bytes.length, 0),
      length,
    }),
  }
}

export const countOutcomes = (lines: readonly TestLine[]): Record<TestOutcome, number> => {
  const counts = { failed: 0, skipped: 0, passed: 0 }
  for (const { outcome } of lines) counts[outcome]++
  return counts
}
