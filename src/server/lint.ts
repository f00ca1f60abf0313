// Compiles configuration that somebody posts, without running it. Hostile text is never parsed in the server itself: the
// compile program gets it in a process of its own with 256 MiB, five seconds, no environment and, by Node's permission
// model, no file but its own code, no child processes, no workers.
import type { Problem } from '../base/problem.ts'
import { type CompileRequest, compileReadyLine, parseCompileAnswer } from '../protocol/compile.ts'
import { run } from '../sys/index.ts'
import { createGate } from './gate.ts'
import type { Lint } from './http/handlers/system.ts'

/** The Node to run, and where the compile program and everything it loads lies. */
export type CompileProgram = { readonly node: string; readonly file: string; readonly directory: string }

const timeoutMs = 5_000
const heapMiB = 256
const gate = { atOnce: 1, waiting: 8 }

/** What a push to the default branch would be. */
const event = {
  kind: 'push',
  ref: 'refs/heads/main',
  commit: '0'.repeat(40),
  branch: 'main',
  tag: null,
} as const

export const createLint = (program: CompileProgram): Lint => {
  const admit = createGate(gate)
  return (files) =>
    admit(async () => {
      const request: CompileRequest = { v: 1, files, event, parameters: {} }
      const problems = await problemsOf(program, request)
      return { ok: !problems.some(({ severity }) => severity === 'error'), problems: problems.map(toShape) }
    })
}

const problemsOf = async (program: CompileProgram, request: CompileRequest): Promise<readonly Problem[]> => {
  const { code, stdout } = await run(program.node, nodeArguments(program), {
    input: JSON.stringify(request),
    timeoutMs,
  })
  const text = stdout.toString()
  const answer =
    code === 0 && text.startsWith(compileReadyLine) ? parseAnswer(text.slice(compileReadyLine.length)) : null
  return answer?.problems ?? [tooMuch]
}

const nodeArguments = ({ file, directory }: CompileProgram): readonly string[] => [
  '--permission',
  `--allow-fs-read=${directory}`,
  `--max-old-space-size=${heapMiB}`,
  file,
]

const parseAnswer = (text: string) => {
  try {
    const parsed = parseCompileAnswer(JSON.parse(text))
    return parsed.ok ? parsed.value : null
  } catch {
    return null
  }
}

const tooMuch: Problem = {
  code: 'MF2030',
  severity: 'error',
  message: `compiling this takes more than ${timeoutMs / 1000} s or ${heapMiB} MiB`,
  at: null,
  frame: [],
  help: 'make it smaller: fewer aliases, parameters and matrix combinations',
}

const toShape = (problem: Problem) => ({ ...problem, frame: [...problem.frame] })
