// What `circleci tests split` and `tests run` go by (protocol/job-commands/split.ts): how long tests took in an earlier run, and
// which failed in the attempt before. Made from stored results, written into the sandbox before the first `run` step.
import { createZstdDecompress } from 'node:zlib'
import { fault } from '../../../base/faults.ts'
import { failedTestsPath, testTimingsPath } from '../../../protocol/job-commands.ts'
import type { JobSpec } from '../../../protocol/plan.ts'
import { readTestLine, type TestCase, testTextMax } from '../../../protocol/test-results.ts'
import type { Sandbox } from '../../../sandbox/index.ts'
import { timingLinesMax } from '../../limits.ts'
import { through } from '../../stores/archive.ts'
import type { Restorable, RestoreWant, Stores } from '../../stores/stores.ts'
import { refused } from '../../stores/tar-rules.ts'
import { putFile } from '../put-file.ts'

/** Others are not made to wait for what they will not ask for. */
export const asksForTests = (spec: JobSpec, shards: number): boolean =>
  shards > 1 || commandsOf(spec).some((text) => /\btests\s+(split|run)\b/.test(text))

const commandsOf = ({ steps }: JobSpec): readonly string[] =>
  steps.flatMap((step) => (step.kind === 'run' ? [step.command] : []))

/** A list that there is and that cannot be had is a fault: copies of a job that go by different ones leave tests out. */
export const deliverTestLists = async (
  { sandbox, stores }: { readonly sandbox: Sandbox; readonly stores: Stores },
  signal: AbortSignal,
): Promise<void> => {
  const lists = [
    { of: 'timings', path: testTimingsPath, textOf: timingsText },
    { of: 'failed', path: failedTestsPath, textOf: failedText },
  ] as const
  for (const { of, path, textOf } of lists) {
    const want: RestoreWant = { kind: 'tests', of }
    const found = await stores.restore(want, signal)
    if (found.length === 0) continue
    const content = Buffer.from(await textOf(readTests(found, signal)))
    const isThere =
      content.length === 0 || (await putFile(sandbox, { id: `tests-${of}`, path, content }, signal))
    if (!isThere && !signal.aborted)
      throw fault('E_EXEC_FAILED', {
        public: 'What is known of earlier tests could not be written into the sandbox.',
      })
  }
}

const readTests = async function* (
  found: readonly Restorable[],
  signal: AbortSignal,
): AsyncGenerator<TestCase> {
  for (const object of found) {
    let size = 0
    let rest = ''
    const decoder = new TextDecoder()
    for await (const bytes of through(object.read(signal), createZstdDecompress())) {
      size += bytes.length
      if (size > testTextMax) throw refused(`more than ${testTextMax} bytes of test results`)
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const test = readTestLine(line)
        if (test !== null) yield test
      }
    }
  }
}

const kinds = ['filename', 'classname', 'testname'] as const
type Kind = (typeof kinds)[number]

/** Of each kind the sum of its tests; files first, for there may be more names than are worth handing on. */
export const timingsText = async (tests: AsyncIterable<TestCase>): Promise<string> => {
  const sums: Readonly<Record<Kind, Map<string, number>>> = {
    ...{ filename: new Map(), classname: new Map(), testname: new Map() },
  }
  const add = (kind: Kind, name: string, ms: number) => {
    if (name !== '' && ms > 0) sums[kind].set(name, (sums[kind].get(name) ?? 0) + ms)
  }
  for await (const { name, class: of, file, ms } of tests) {
    for (const path of spellings(file)) add('filename', path, ms)
    add('classname', of, ms)
    add('testname', name, ms)
  }
  return kinds
    .flatMap((kind) => [...sums[kind]].map(([name, ms]) => `${kind}\t${Math.min(ms, msMax)}\t${name}\n`))
    .slice(0, timingLinesMax)
    .join('')
}

/** The split reads nine digits. */
const msMax = 999_999_999

/** Whatever a list of tests may call one that failed. */
export const failedText = async (tests: AsyncIterable<TestCase>): Promise<string> => {
  const names = new Set<string>()
  for await (const { outcome, name, class: of, file } of tests)
    if (outcome === 'failed')
      for (const each of [...spellings(file), of, name]) if (each !== '') names.add(each)
  return [...names].map((name) => `${name}\n`).join('')
}

/** `find .` begins with a dot what a glob does not. */
const spellings = (file: string): readonly string[] =>
  file === '' || file.startsWith('/') ? [file] : [file, `./${file}`]
