// Hostile text is never parsed in the server itself: the compile program gets it in a process of its own with 256 MiB,
// five seconds, no environment and, by Node's permission model, no file but its own code, no child processes, no workers.
import type { Parsed, Problem } from '../base/problem.ts'
import { type CompileRequest, compileReadyLine, type OrbRequest } from '../protocol/compile.ts'
import { run } from '../sys/index.ts'
import { createGate } from './gate.ts'

/** The Node to run, and where the compile program and everything it loads lies. */
export type CompileProgram = { readonly node: string; readonly file: string; readonly directory: string }

/** null: it did not answer within its time and memory. */
export type AskCompiler = <T>(
  request: CompileRequest | OrbRequest,
  parse: (json: unknown) => Parsed<T>,
) => Promise<T | null>

const timeoutMs = 5_000
const heapMiB = 256
const gate = { atOnce: 1, waiting: 8 }

export const createAskCompiler = (program: CompileProgram): AskCompiler => {
  const admit = createGate(gate)
  return (request, parse) =>
    admit(async () => {
      const { code, stdout } = await run(program.node, nodeArguments(program), {
        input: JSON.stringify(request),
        timeoutMs,
      })
      const text = stdout.toString()
      if (code !== 0 || !text.startsWith(compileReadyLine)) return null
      const parsed = parse(readJson(text.slice(compileReadyLine.length)))
      return parsed.ok ? parsed.value : null
    })
}

const nodeArguments = ({ file, directory }: CompileProgram): readonly string[] => [
  '--permission',
  `--allow-fs-read=${directory}`,
  `--max-old-space-size=${heapMiB}`,
  file,
]

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** What is said of a text that no answer came for. */
export const tooMuch: Problem = {
  code: 'MF2030',
  severity: 'error',
  message: `compiling this takes more than ${timeoutMs / 1000} s or ${heapMiB} MiB`,
  at: null,
  frame: [],
  help: 'make it smaller: fewer aliases, parameters and matrix combinations',
}
