// The formats of `mayfly lint` by name.

import { formatProblems } from '../../compile/index.ts'
import { countVerdicts } from '../../protocol/constructs.ts'
import { problemLook } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'
import { allProblems, endColumnOf, type Findings, hasFailed } from './findings.ts'
import { toGcc } from './gcc.ts'
import { toGithub } from './github.ts'
import { toJunit } from './junit.ts'
import { toSarif } from './sarif.ts'

type Write = (findings: Findings, around: Surroundings) => string

const toHuman: Write = (findings, around) => {
  const look = problemLook(around, around.stdout)
  const texts = allProblems(findings).map((problem) => formatProblems([problem], look))
  return texts.join(around.stdout.isTerminal ? '\n' : '')
}

const toJson: Write = (findings) => {
  const problems = allProblems(findings).map((problem) => ({
    ...problem,
    at: problem.at && { ...problem.at, endColumn: endColumnOf(problem.at) },
  }))
  const constructs = findings.files.flatMap((file) => file.constructs ?? [])
  const report = constructs.length === 0 ? {} : { counts: countVerdicts(constructs), constructs }
  return `${JSON.stringify({ ok: !hasFailed(findings), problems, ...report })}\n`
}

const formats: Readonly<Record<string, Write>> = {
  human: toHuman,
  json: toJson,
  sarif: (findings, around) => toSarif(findings, around.version),
  github: toGithub,
  gcc: toGcc,
  junit: toJunit,
}

export const writeFindings = (format: string, findings: Findings, around: Surroundings): string =>
  (formats[format] ?? toHuman)(findings, around)
