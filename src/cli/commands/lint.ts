// `mayfly lint`: the same compiler as everywhere, its problems with their lines, and exit code 7 when there are errors.
import { readFile, stat } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { Problem } from '../../base/problem.ts'
import { compile, configPaths, formatProblems } from '../../compile/index.ts'
import { exitCodes } from '../exit-codes.ts'
import { findWorkTree } from '../git/work-tree.ts'
import { findProjectRoot, localEvent, readConfiguration } from '../local/configuration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly format: string }

/** Each path is a configuration file, whatever its name, or a directory that holds one. */
export const lint = async (around: Surroundings, flags: Flags, paths: readonly string[]): Promise<number> => {
  const tree = await findWorkTree(around)
  const wanted =
    paths.length > 0 ? paths.map((path) => resolve(around.cwd, path)) : [findProjectRoot(around.cwd, tree)]
  const problems: Problem[] = []
  for (const path of wanted) problems.push(...(await lintOne(around, path, localEvent(tree))))
  const count = (severity: Problem['severity']) =>
    problems.filter((problem) => problem.severity === severity).length
  const errors = count('error')
  if (flags.format === 'json') around.stdout.write(`${JSON.stringify({ ok: errors === 0, problems })}\n`)
  else around.stdout.write(formatProblems(problems))
  around.stderr.write(
    `${plural(errors, 'error')}, ${plural(count('warning'), 'warning')} in ${plural(wanted.length, 'file')}\n`,
  )
  return errors === 0 ? exitCodes.success : exitCodes.invalidConfiguration
}

const lintOne = async (
  around: Surroundings,
  path: string,
  event: ReturnType<typeof localEvent>,
): Promise<readonly Problem[]> => {
  const found = await stat(path).catch(() => null)
  if (found === null) throw fault('E_NOT_FOUND', { public: `there is no ${relative(around.cwd, path)}` })
  if (found.isDirectory())
    return compile({ files: await readConfiguration(path), event, parameters: {} }).problems
  const [config = ''] = configPaths
  const files = new Map([[config, await readFile(path, 'utf8')]])
  const shown = relative(around.cwd, path)
  return compile({ files, event, parameters: {} }).problems.map((problem) =>
    problem.at?.file === config ? { ...problem, at: { ...problem.at, file: shown } } : problem,
  )
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`
