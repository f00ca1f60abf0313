// Lines of the steps of a log out of pieces of text that begin and end anywhere. Long lines are cut, and what cannot matter is passed
// over without being taken apart.
import { annotationLineMax } from '../../protocol/annotations.ts'
import type { StepText } from './log-texts.ts'

export type LineReader = { readonly read: (piece: StepText) => void; readonly end: () => void }

export const createLineReader = (to: {
  readonly line: (step: number, number: number, text: string) => void
  /** Lines of this step were left out here. */
  readonly gap?: (step: number) => void
  /** Whether no whole line inside can matter. */
  readonly isDull?: (text: Buffer) => boolean
}): LineReader => {
  const steps = new Map<number, { rest: string; line: number }>()
  const stateOf = ({ step, firstLine }: StepText) => {
    const state = steps.get(step) ?? { rest: '', line: firstLine }
    if (state.line !== firstLine) {
      to.gap?.(step)
      Object.assign(state, { rest: '', line: firstLine })
    }
    steps.set(step, state)
    return state
  }
  return {
    read: (piece) => {
      const { step, text } = piece
      const state = stateOf(piece)
      const first = text.indexOf(10)
      const begin = text.toString('utf8', 0, Math.min(first === -1 ? text.length : first, annotationLineMax))
      state.rest = (state.rest + begin).slice(0, annotationLineMax)
      if (first === -1) return
      to.line(step, state.line++, state.rest)
      const last = text.lastIndexOf(10)
      const middle = text.subarray(first + 1, last + 1)
      if (to.isDull?.(middle) === true) state.line += countLines(middle)
      else
        for (const line of middle.toString().split('\n').slice(0, -1))
          to.line(step, state.line++, line.slice(0, annotationLineMax))
      state.rest = text.toString('utf8', last + 1, Math.min(text.length, last + 1 + annotationLineMax))
    },
    end: () => {
      for (const [step, { rest, line }] of steps) if (rest !== '') to.line(step, line, rest)
      steps.clear()
    },
  }
}

const countLines = (text: Buffer): number => {
  let lines = 0
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) lines++
  return lines
}
