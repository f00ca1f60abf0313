// Compiles configuration that somebody posts, without running it.
import type { Problem } from '../base/problem.ts'
import { type CompileRequest, parseCompileAnswer } from '../protocol/compile.ts'
import { type AskCompiler, tooMuch } from './compile-process.ts'
import type { Lint } from './http/handlers/system.ts'

/** What a push to the default branch would be. */
const event = {
  kind: 'push',
  ref: 'refs/heads/main',
  commit: '0'.repeat(40),
  branch: 'main',
  tag: null,
} as const

export const createLint =
  (ask: AskCompiler): Lint =>
  async ({ files, orbs, isReport }) => {
    const request: CompileRequest = { v: 1, files, event, parameters: {}, orbs }
    const answer = await ask(isReport ? { ...request, constructs: true } : request, parseCompileAnswer)
    const problems = answer?.problems ?? [tooMuch]
    return {
      ok: !problems.some(({ severity }) => severity === 'error'),
      problems: problems.map(toShape),
      ...(isReport ? { constructs: [...(answer?.constructs ?? [])] } : {}),
    }
  }

const toShape = (problem: Problem) => ({ ...problem, frame: [...problem.frame] })
