// `mayfly config`: what a configuration becomes, how its jobs hang together, and what an event would start.
import { formatProblems } from '../../compile/index.ts'
import { askedChange, askedEvent, type EventFlags, eventWords } from '../config/asked-event.ts'
import { dotGraph, mermaidGraph, textGraph } from '../config/graph.ts'
import { planDiff } from '../config/plan-diff.ts'
import { planText } from '../config/plan-text.ts'
import { selectionText } from '../config/selection-text.ts'
import { svgGraph } from '../config/svg-graph.ts'
import { exitCodes } from '../exit-codes.ts'
import { findWorkTree } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import { compileGiven, type Given, givenPaths, type Wish } from '../local/given.ts'
import { paintFor, problemLook } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }
type ShowFlags = EventFlags & Json & { readonly compiled?: boolean; readonly withOrigins?: boolean }
type GraphFlags = EventFlags & { readonly format: string }

const compileAsked = async (
  around: Surroundings,
  flags: EventFlags,
  path: string | undefined,
  more: NonNullable<Wish['more']> = {},
) => {
  const tree = await findWorkTree(around)
  const event = askedEvent(flags, tree)
  const change = askedChange(flags)
  const [first = around.cwd] = givenPaths(around, tree, path === undefined ? [] : [path])
  const wish = { event, change, parameters: flags.parameter, more }
  const given = await compileGiven(around, tree, first, wish)
  return { given, event }
}

/** Of a configuration with errors there is nothing to show but those. */
const refuse = (around: Surroundings, { result }: Given): number => {
  const errors = result.problems.filter((problem) => problem.severity === 'error')
  around.stderr.write(formatProblems(errors, problemLook(around, around.stderr)))
  return exitCodes.invalidConfiguration
}

export const showConfig = async (
  around: Surroundings,
  flags: ShowFlags,
  path: string | undefined,
): Promise<number> => {
  const { given } = await compileAsked(around, flags, path)
  const { result, shown, text, shownOf } = given
  const isCompiled = flags.compiled === true || flags.withOrigins === true
  if (!isCompiled && text !== '') {
    around.stdout.write(flags.json === true ? `${JSON.stringify({ path: shown, text })}\n` : text)
    return exitCodes.success
  }
  if (!result.ok) return refuse(around, given)
  const { plan, origins } = result
  if (flags.json === true) {
    around.stdout.write(`${JSON.stringify(flags.withOrigins === true ? { plan, origins } : { plan })}\n`)
    return exitCodes.success
  }
  if (plan.workflows.length === 0)
    around.stderr.write('nothing runs for this event; `config simulate` says why\n')
  const paint = paintFor(around, around.stdout)
  around.stdout.write(
    planText(plan, { paint, origins: flags.withOrigins === true ? origins : null, shownOf }),
  )
  return exitCodes.success
}

export const graphConfig = async (
  around: Surroundings,
  flags: GraphFlags,
  path: string | undefined,
): Promise<number> => {
  const { given } = await compileAsked(around, flags, path)
  const { result } = given
  if (!result.ok) return refuse(around, given)
  if (result.plan.workflows.length === 0)
    around.stderr.write('nothing runs for this event; `config simulate` says why\n')
  if (flags.format === 'mermaid') around.stdout.write(mermaidGraph(result.plan))
  else if (flags.format === 'svg') around.stdout.write(svgGraph(result.plan))
  else if (flags.format === 'dot') around.stdout.write(dotGraph(result.plan))
  else around.stdout.write(textGraph(result.plan, paintFor(around, around.stdout)))
  return exitCodes.success
}

export const simulateConfig = async (
  around: Surroundings,
  flags: EventFlags & Json & { readonly files?: string },
  path: string | undefined,
): Promise<number> => {
  const changed =
    flags.files === undefined ? {} : { changed: flags.files.split(',').map((file) => file.trim()) }
  const { given, event } = await compileAsked(around, flags, path, { withSelection: true, ...changed })
  const { result, shownOf } = given
  if (!result.ok) return refuse(around, given)
  const selection = result.selection ?? []
  if (flags.json === true) around.stdout.write(`${JSON.stringify({ event, workflows: selection })}\n`)
  else {
    around.stderr.write(inertText`${eventWords(event)}\n`)
    around.stdout.write(selectionText(around, selection, shownOf))
  }
  return exitCodes.success
}

/** Of the same event. Exit code 1 when they differ, as of other programs that compare. */
export const diffConfig = async (
  around: Surroundings,
  flags: EventFlags,
  before: string,
  after: string | undefined,
): Promise<number> => {
  const [{ given: left }, { given: right }] = [
    await compileAsked(around, flags, before),
    await compileAsked(around, flags, after),
  ]
  if (!left.result.ok) return refuse(around, left)
  if (!right.result.ok) return refuse(around, right)
  const text = planDiff(left.result.plan, right.result.plan, paintFor(around, around.stdout))
  around.stdout.write(text)
  return text === '' ? exitCodes.success : exitCodes.failed
}

export const printSchema = async (around: Surroundings): Promise<number> => {
  const { configSchema } = await import('../../compile/index.ts')
  around.stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`)
  return exitCodes.success
}
