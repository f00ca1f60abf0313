// `mayfly lint`: the same compiler as everywhere, its problems with their lines, and exit code 7 when there are errors.
// With --report it says of every construct what became of it.
import { writeFile } from 'node:fs/promises'
import { fault } from '../../base/faults.ts'
import { plural } from '../../base/plural.ts'
import { exitCodes } from '../exit-codes.ts'
import { findWorkTree, type WorkTree } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import { compileGiven, type Given, givenPaths, type Wish } from '../local/given.ts'
import { allProblems, type CheckedFile, countOf, type Findings, hasFailed } from '../problems/findings.ts'
import { fixText } from '../problems/fix.ts'
import { writeFindings } from '../problems/formats.ts'
import { type FileReport, writeReport } from '../problems/report.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly format: string
  readonly strict?: boolean
  readonly report?: boolean
  readonly fix?: boolean
}

/** Each path is a configuration file, whatever its name, or a directory that holds one. */
export const lint = async (around: Surroundings, flags: Flags, paths: readonly string[]): Promise<number> => {
  if (flags.report === true && flags.format !== 'human' && flags.format !== 'json')
    throw fault('E_INPUT', { public: '--report is written as human or json' })
  const tree = await findWorkTree(around)
  const more = flags.report === true ? { withConstructs: true } : {}
  const files: (CheckedFile & FileReport)[] = []
  for (const path of givenPaths(around, tree, paths))
    files.push(checkedFile(await compileFixed(around, tree, path, { more, fix: flags.fix === true })))
  const findings: Findings = { files, strict: flags.strict === true }
  const isReport = flags.report === true && flags.format === 'human'
  around.stdout.write(isReport ? writeReport(around, files) : writeFindings(flags.format, findings, around))
  around.stderr.write(inertText`${summary(findings)}\n`)
  const [first] = allProblems(findings)
  if (first && flags.format === 'human' && around.stderr.isTerminal)
    around.stderr.write(inertText`more about one: mayfly explain ${first.code}\n`)
  return hasFailed(findings) ? exitCodes.invalidConfiguration : exitCodes.success
}

/** With --fix the file is written before it is checked, when that leaves fewer problems. */
const compileFixed = async (
  around: Surroundings,
  tree: WorkTree | null,
  path: string,
  { more, fix }: { readonly more: NonNullable<Wish['more']>; readonly fix: boolean },
): Promise<Given> => {
  const given = await compileGiven(around, tree, path, { more })
  if (!fix || given.text === '') return given
  const { text, changes } = fixText(given.text, given.check)
  if (changes.length === 0) return given
  await writeFile(given.file, text)
  for (const change of changes) around.stderr.write(inertText`fixed ${given.shown}, ${change}\n`)
  return compileGiven(around, tree, path, { more })
}

const checkedFile = ({ shown, shownOf, result }: Given): CheckedFile & FileReport => ({
  path: shown,
  problems: result.problems,
  constructs: (result.constructs ?? []).map((construct) => ({
    ...construct,
    at: { ...construct.at, file: shownOf(construct.at.file) },
  })),
})

const summary = (findings: Findings): string => {
  const { files, strict } = findings
  const [errors, warnings] = [countOf(findings, 'error'), countOf(findings, 'warning')]
  const counts = `${plural(errors, 'error')}, ${plural(warnings, 'warning')} in ${plural(files.length, 'file')}`
  return strict && errors === 0 && warnings > 0 ? `${counts}; warnings fail with --strict` : counts
}
