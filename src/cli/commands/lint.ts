// `mayfly lint`: the same compiler as everywhere, its problems with their lines, and exit code 7 when there are errors.
import { exitCodes } from '../exit-codes.ts'
import { findWorkTree } from '../git/work-tree.ts'
import { compileGiven, givenPaths } from '../local/given.ts'
import { allProblems, countOf, type Findings, hasFailed, plural } from '../problems/findings.ts'
import { writeFindings } from '../problems/formats.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly format: string; readonly strict?: boolean }

/** Each path is a configuration file, whatever its name, or a directory that holds one. */
export const lint = async (around: Surroundings, flags: Flags, paths: readonly string[]): Promise<number> => {
  const tree = await findWorkTree(around)
  const files: { path: string; problems: Findings['files'][number]['problems'] }[] = []
  for (const path of givenPaths(around, tree, paths)) {
    const { shown, result } = await compileGiven(around, tree, path)
    files.push({ path: shown, problems: result.problems })
  }
  const findings: Findings = { files, strict: flags.strict === true }
  around.stdout.write(writeFindings(flags.format, findings, around))
  around.stderr.write(`${summary(findings)}\n`)
  const [first] = allProblems(findings)
  if (first && flags.format === 'human' && around.stderr.isTerminal)
    around.stderr.write(`more about one: mayfly explain ${first.code}\n`)
  return hasFailed(findings) ? exitCodes.invalidConfiguration : exitCodes.success
}

const summary = (findings: Findings): string => {
  const { files, strict } = findings
  const [errors, warnings] = [countOf(findings, 'error'), countOf(findings, 'warning')]
  const counts = `${plural(errors, 'error')}, ${plural(warnings, 'warning')} in ${plural(files.length, 'file')}`
  return strict && errors === 0 && warnings > 0 ? `${counts}; warnings fail with --strict` : counts
}
