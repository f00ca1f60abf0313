// What whoever starts a run may give the pipeline, as a plan says it to forms and commands: only what could be given, in
// bounds. Nothing in a run depends on it.
import { givableName, takesMax } from '../../../protocol/pipeline-parameters.ts'
import type { PlanParameter } from '../../../protocol/plan.ts'
import type { SourceNode } from '../../source/node.ts'
import type { Compiling } from './compiling.ts'
import { convert, type Declaration, declarationsOf, pipelineOwner } from './parameters.ts'

/** null: it is too large to be told. */
export const pipelineTakes = (cx: Compiling): readonly PlanParameter[] | null => {
  const declared = [...declarationsOf(cx, pipelineOwner, cx.root).values()]
  const takes = declared.flatMap((one) => takesOf(one) ?? [])
  const isWhole = takes.length === declared.length && takes.length <= takesMax.parameters
  const size = takes.reduce((sum, one) => sum + JSON.stringify(one).length, 0)
  return isWhole && size <= takesMax.text ? takes : null
}

/** null: it cannot be given from outside. */
const takesOf = (declaration: Declaration): PlanParameter | null => {
  const { name, type, options } = declaration
  if (type !== 'string' && type !== 'boolean' && type !== 'integer' && type !== 'enum') return null
  const isGivable = givableName.test(name) && options.length <= takesMax.options && options.every(isSendable)
  if (!isGivable) return null
  const description = textOf(declaration.description)
  return {
    ...{ name, type, default: defaultOf(declaration) },
    ...(type === 'enum' ? { options } : {}),
    ...(description === '' ? {} : { description }),
  }
}

const isSendable = (text: string): boolean =>
  text.length <= takesMax.value && text.isWellFormed() && !text.includes('\u0000')

/** One with `<< >>` is another one for each run. */
const defaultOf = (declaration: Declaration): PlanParameter['default'] => {
  const written = declaration.default
  if (written === null || written.templated) return null
  const node = convert(declaration, written)
  const value = node?.kind === 'scalar' ? node.computed?.value : null
  return typeof value === 'string' && !isSendable(value) ? null : (value ?? null)
}

const textOf = (node: SourceNode | null): string =>
  node?.kind === 'scalar'
    ? node.text.replaceAll('\u0000', '').trim().slice(0, takesMax.description).toWellFormed()
    : ''
