// `mayfly lint --fix`: puts the word in place that a problem suggests. A change stays only when the file has fewer
// problems with it than without; the compiler is asked after each.
import type { Problem } from '../../base/problem.ts'

const changesMax = 100

export type Fixed = { readonly text: string; readonly changes: readonly string[] }

/** `check` gives the problems of a text; those of other files are left alone. */
export const fixText = (original: string, check: (text: string) => readonly Problem[]): Fixed => {
  const changes: string[] = []
  const tried = new Set<string>()
  let text = original
  let problems = check(text)
  for (
    let next = nextFix(text, problems, tried);
    next && changes.length < changesMax;
    next = nextFix(text, problems, tried)
  ) {
    tried.add(next.what)
    const after = check(next.text)
    if (weightOf(after) >= weightOf(problems)) continue
    changes.push(next.what)
    text = next.text
    problems = after
  }
  return { text, changes }
}

/** An error weighs more than anything that warns. */
const weightOf = (problems: readonly Problem[]): number =>
  problems.reduce(
    (sum, { severity }) => sum + (severity === 'error' ? 1_000 : severity === 'warning' ? 1 : 0),
    0,
  )

type Fix = { readonly text: string; readonly what: string }

const nextFix = (text: string, problems: readonly Problem[], tried: ReadonlySet<string>): Fix | null => {
  for (const problem of problems) {
    const fix = fixOf(text, problem)
    if (fix && !tried.has(fix.what)) return fix
  }
  return null
}

const suggestion = /^(?:did you mean|write) "([\w./-]+)"(?: \(line \d+\))?\??$/

const fixOf = (text: string, { at, help }: Problem): Fix | null => {
  const word = suggestion.exec(help ?? '')?.[1]
  if (word === undefined || at === null) return null
  const lines = text.split('\n')
  const line = lines[at.line - 1]
  if (line === undefined) return null
  const [before, wrong, after] = [
    line.slice(0, at.column - 1),
    line.slice(at.column - 1, at.column - 1 + at.length),
    line.slice(at.column - 1 + at.length),
  ]
  // What is quoted, or is more than one word, is not ours to rewrite.
  if (!/^[\w./-]+$/.test(wrong) || wrong === word) return null
  lines[at.line - 1] = before + word + after
  return { text: lines.join('\n'), what: `line ${at.line}: ${wrong} → ${word}` }
}
