// The one place where a command's failure becomes words and an exit code: what happened, the code, the next step.
import { type Fault, type FaultCode, isFault } from '../base/faults.ts'
import { ServerProblem } from './api/problem.ts'
import { exitCodes } from './exit-codes.ts'
import { guardedJson, inertText } from './inert.ts'
import type { Surroundings } from './surroundings.ts'

const nextSteps: Partial<Record<FaultCode, string>> = {
  E_UNREACHABLE:
    'is it running? `mayfly doctor` looks; elsewhere sign in with `mayfly login URL --token-stdin`',
  E_UNAUTHENTICATED:
    'make a token with `mayfly token create` and sign in with `mayfly login URL --token-stdin`',
  E_SANDBOX_UNAVAILABLE: '`mayfly doctor` shows what this machine lacks',
  E_STMT_SIG:
    'the operator makes a code with `mayfly vault signer-code`, `mayfly secrets signer enrol` takes it',
  E_SIGNER_CODE: 'the operator makes another one with `mayfly vault signer-code`',
  E_STMT_PREV: 'somebody else was faster: look with `mayfly secrets show NAME`, then try again',
  E_NOT_FOUND: '`list` of the same noun shows what there is, as `mayfly project list`',
}

export const reportError = (
  around: Surroundings,
  error: unknown,
  options: { readonly json: boolean; readonly next?: string },
): number => {
  if (around.interrupted.aborted) return exitCodes.interrupted
  const known = isFault(error)
  const code = known ? error.row.number : 'MF1099'
  const title = known ? error.public : `this is a defect in Mayfly: ${String(error)}`
  const served = known && error.cause instanceof ServerProblem ? error.cause.document : null
  const hint =
    options.next ??
    (known
      ? (textOf(served?.hint) ?? (namesAVerb(error) || isOfFile(error) ? undefined : nextSteps[error.code]))
      : 'please report it with what you typed')
  if (options.json) {
    const local = { type: 'about:blank', ...(known ? wordsOf(error) : { title, detail: '' }), code }
    const problem = served ?? { ...local, ...(hint === undefined ? {} : { hint }) }
    guardedJson(around.stderr).write(`${JSON.stringify(problem)}\n`)
  } else {
    const [first = '', ...more] = title.split('\n')
    const rest = more.map((line) => inertText`\n  ${line}`).join('')
    around.stderr.write(`${inertText`mayfly: ${first}`}${rest}  [${code}]\n`)
    if (hint !== undefined) around.stderr.write(inertText`  next: ${hint}\n`)
    if (known && error.row.status >= 500 && textOf(served?.request_id) !== undefined)
      around.stderr.write(inertText`  request: ${textOf(served?.request_id) ?? ''}\n`)
    around.stderr.write(`  more: mayfly explain ${code}\n`)
    if (!known && error instanceof Error) around.stderr.write(`${error.stack ?? ''}\n`)
  }
  return known ? error.row.exit : exitCodes.defect
}

/** As the API words a problem: the kind of it, then what happened. */
const wordsOf = ({ row, public: detail }: Fault) => ({ title: row.title, status: row.status, detail })

/** Then it says the next step itself. */
const namesAVerb = (error: Fault): boolean => error.public.includes('`mayfly ')

/** Of this machine, by the name that somebody typed: no `list` has it. */
const isOfFile = ({ cause }: Fault): boolean => cause instanceof Error && 'errno' in cause && 'path' in cause

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
