// A reporter for Node's test runner that writes how many tests passed, failed and were skipped, and how long each file took.
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

/** As `tools/test.ts` reads it. */
export type Count = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** From the first of its tests that began until the last that ended; what comes before and after them is not in it. */
  readonly files: readonly { readonly file: string; readonly ms: number }[]
}

async function* countReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const count = { passed: 0, failed: 0, skipped: 0 }
  const spans = new Map<string, { readonly from: number; to: number }>()
  for await (const event of source) {
    // These two come as it happens, the others in the order of the files.
    if (event.type === 'test:dequeue' || event.type === 'test:complete') extend(spans, event.data.file)
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (event.data.details.type === 'suite') continue
    if (event.data.skip !== undefined && event.data.skip !== false) count.skipped += 1
    else if (event.type === 'test:pass') count.passed += 1
    else count.failed += 1
  }
  const files = [...spans].map(([file, { from, to }]) => ({ file, ms: Math.round(to - from) }))
  yield `${JSON.stringify({ ...count, files } satisfies Count)}\n`
}

const extend = (
  spans: Map<string, { readonly from: number; to: number }>,
  path: string | undefined,
): void => {
  // A test that a helper made names the helper.
  if (path === undefined || !path.endsWith('.test.ts')) return
  const file = relative(process.cwd(), path)
  const now = performance.now()
  const span = spans.get(file)
  if (span === undefined) spans.set(file, { from: now, to: now })
  else span.to = now
}

export default countReporter
