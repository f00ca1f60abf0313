// A reporter for Node's test runner that writes how many tests passed, failed and were skipped, and why skipped.
import type { TestEvent } from 'node:test/reporters'

async function* countReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const count = { passed: 0, failed: 0, skipped: 0 }
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (event.data.details.type === 'suite') continue
    if (event.data.skip !== undefined && event.data.skip !== false) count.skipped += 1
    else if (event.type === 'test:pass') count.passed += 1
    else count.failed += 1
  }
  yield `${JSON.stringify(count)}\n`
}

export default countReporter
