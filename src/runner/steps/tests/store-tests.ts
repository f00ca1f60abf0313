// Results of tests: JUnit reports that a job wrote, read here and stored as one list. Whatever is wrong with a report is
// said and changes no verdict: what the tests came to, the step that ran them has told.
import { plural } from '../../../base/plural.ts'
import type { PlanStoreTestsStep } from '../../../protocol/plan.ts'
import { readTestLine, type TestCase } from '../../../protocol/test-results.ts'
import type { GuestPath } from '../../../sandbox/index.ts'
import { guestPath } from '../../guest-path.ts'
import { failedNamedMax } from '../../limits.ts'
import { jobUser } from '../../sandbox-spec.ts'
import { fromSandbox, nothingThere, packReports } from '../../stores/cells.ts'
import { done, type FilesAnswer, type FilesPlace } from '../files/place.ts'
import { describeMs } from '../run-step.ts'
import { type Collected, collectReports, countOutcomes, packTests, type TestLine } from './collect.ts'

export const storeTests = async (
  step: PlanStoreTestsStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  const path = guestPath(step.path, place.workdir, jobUser.home)
  const packed = await fromSandbox(
    place,
    packReports(path),
    (tar) => collectReports(tar, wordsFor(place)),
    signal,
  )
  if (!packed.ok) {
    const isMissing = packed.code === nothingThere
    await place.print(isMissing ? `there is no ${step.path}` : packed.message)
    await place.print('no test results are stored')
    return done
  }
  const { value: found } = packed
  for (const note of found.notes) await place.print(note)
  if (found.lines.length === 0) {
    await place.print(`no test in ${found.files} reports below ${step.path}: nothing is stored`)
    return done
  }
  await keep(found, place, signal)
  await tell(found.lines, place)
  return done
}

/** Paths as people and `tests split` name them; values of secrets masked. */
const wordsFor = ({ workdir, mask }: FilesPlace): ((test: TestCase) => TestCase) => {
  const words = (text: string) => (mask === undefined || text === '' ? text : mask(text))
  return ({ name, class: of, file, message, ...rest }) => ({
    ...{ ...rest, name: words(name), class: words(of) },
    ...{ file: words(relativeTo(workdir, file)), message: words(message) },
  })
}

const relativeTo = (workdir: GuestPath, file: string): string =>
  (file.startsWith(`${workdir}/`) ? file.slice(workdir.length + 1) : file).replace(/^(\.\/+)+/, '')

const keep = async ({ lines }: Collected, place: FilesPlace, signal: AbortSignal): Promise<void> => {
  const writing = await place.stores.begin({ kind: 'tests' }, signal)
  if ('why' in writing) {
    await place.print(writing.why)
    return
  }
  const packed = packTests(lines)
  await writing.put(packed.bytes, signal)
  await writing.finish({ tests: packed.facts() }, signal)
}

const tell = async (lines: readonly TestLine[], place: FilesPlace): Promise<void> => {
  const { failed, skipped, passed } = countOutcomes(lines)
  const time = describeMs(lines.reduce((sum, { ms }) => sum + ms, 0))
  await place.print(
    `${plural(lines.length, 'test')}: ${failed} failed, ${skipped} skipped, ${passed} passed, in ${time}`,
  )
  for (const { bytes } of lines.slice(0, Math.min(failed, failedNamedMax))) {
    const test = readTestLine(bytes.toString('utf8'))
    if (test !== null) await place.print(`failed: ${nameOf(test)}`)
  }
  if (failed > failedNamedMax) await place.print(`and ${failed - failedNamedMax} more that failed`)
}

const nameOf = ({ name, class: of, file }: TestCase): string =>
  [of, name, file === '' ? '' : `(${file})`].filter((part) => part !== '').join(' ')
