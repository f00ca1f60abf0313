// Where the compiler gathers what is wrong. It never stops at the first: whoever finds a problem reports it and goes
// on with a harmless stand-in. The same finding at the same place (a command used ten times) is reported once.

import type { Problem, Severity } from '../base/problem.ts'
import { type ProblemCode, problemCodes } from '../protocol/problem-codes.ts'
import type { Constructs } from './constructs.ts'
import { limits } from './limits.ts'
import { frameOf, positionOf, type Spot } from './source/file.ts'

/** Looked for, as the nearest of a thousand names, only when the problem is shown: there may be any number of them. */
export type Help = string | null | (() => string | null)

export interface Problems {
  /** null: nobody asks what became of each construct. */
  readonly constructs: Constructs | null

  add(code: ProblemCode, at: Spot | null, message: string, help?: Help): void
  /** Errors found by `work` become warnings: it looks at something this event does not use. */
  asWarnings<T>(work: () => T): T
  hasErrors(): boolean
  /** What is found now needs not be found again: it is no mere warning of an error, and nobody counts constructs. */
  areFinal(): boolean
  /** File by file, each in its order; those without a place first. */
  list(): readonly Problem[]
}

type Finding = {
  readonly code: ProblemCode
  readonly severity: Severity
  readonly at: Spot | null
  readonly message: string
  readonly help: string | null
}

export const createProblems = (constructs: Constructs | null = null): Problems => {
  const findings = new Map<string, Finding>()
  let lenient = 0
  let cut = 0
  let cutErrors = 0
  /** An error says why nothing runs: any number of warnings before it must not keep it from being shown. */
  const makeRoom = (): boolean => {
    const milder = [...findings].findLast(([, { severity }]) => severity !== 'error')
    if (milder === undefined) return false
    findings.delete(milder[0])
    cut++
    return true
  }
  return {
    constructs,
    add: (code, at, message, help = null) => {
      const written = problemCodes[code].severity
      const severity = written === 'error' && lenient > 0 ? 'warning' : written
      const key = `${code} ${at?.file.path} ${at?.start} ${message}`
      const known = findings.get(key)
      const isShown =
        known !== undefined || findings.size < limits.problemsMax || (severity === 'error' && makeRoom())
      const words = known ? known.help : isShown ? wordsOf(help) : null
      if (constructs && at) constructs.judgeProblem(code, at, message, words)
      if (known && (known.severity === severity || severity !== 'error')) return
      if (isShown) {
        findings.set(key, { code, severity, at, message, help: words })
        return
      }
      cut++
      if (severity === 'error') cutErrors++
    },
    asWarnings: (work) => {
      lenient++
      try {
        return work()
      } finally {
        lenient--
      }
    },
    hasErrors: () => cutErrors > 0 || [...findings.values()].some((finding) => finding.severity === 'error'),
    areFinal: () => lenient === 0 && constructs === null,
    list: () => {
      const files = [...new Set([...findings.values()].map((finding) => finding.at?.file))]
      const fileOf = (finding: Finding) => (finding.at === null ? -1 : files.indexOf(finding.at.file))
      const all = [...findings.values()]
        .sort((a, b) => fileOf(a) - fileOf(b) || placeOf(a) - placeOf(b))
        .map(toProblem)
      return cut === 0 ? all : [...all, moreProblem(cut)]
    },
  }
}

const wordsOf = (help: Help): string | null => (typeof help === 'function' ? help() : help)

const placeOf = (finding: Finding): number => finding.at?.start ?? -1

const toProblem = (finding: Finding): Problem => ({
  code: problemCodes[finding.code].number,
  severity: finding.severity,
  message: finding.message,
  at: finding.at && positionOf(finding.at),
  frame: finding.at ? frameOf(finding.at) : [],
  help: finding.help,
})

const moreProblem = (count: number): Problem => ({
  code: problemCodes.N_MORE_PROBLEMS.number,
  severity: 'note',
  message: `${count} more problems are not shown`,
  at: null,
  frame: [],
  help: null,
})
