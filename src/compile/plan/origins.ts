// Where every part of a plan came from. While compiling, parts are marked as the objects they are; when the plan is
// complete, one walk turns the marks into JSON pointers. The origins are a second document, outside the digest.

import type { Origin, Origins } from '../../protocol/plan.ts'
import { positionOf, type Spot } from '../source/file.ts'

/** The invocations through which a text came into a job, innermost first. */
export type Via = { readonly at: Spot; readonly outer: Via } | null

export interface OriginMarks {
  /** Returns `part`, for use in an expression. */
  mark<T extends object>(part: T, at: Spot, via?: Via): T
  collect(plan: object): Origins
  /** Every text of it, names of members included, with the place of the nearest part that is marked. */
  eachText(plan: object, visit: (text: string, at: Spot | null) => void): void
}

export const createOriginMarks = (): OriginMarks => {
  const marks = new Map<object, Mark>()
  return {
    mark: (part, at, via = null) => {
      marks.set(part, { at, via, origin: null })
      return part
    },
    collect: (plan) => {
      const origins: Record<string, Origin> = {}
      const walk = (part: object, pointer: string): void => {
        const mark = marks.get(part)
        if (mark) origins[pointer] = originOf(mark)
        // Most members are texts and numbers: a pointer is only written for what can have a mark.
        if (isList(part))
          for (let index = 0; index < part.length; index++) {
            const member = part[index]
            if (typeof member === 'object' && member !== null) walk(member, `${pointer}/${index}`)
          }
        else
          for (const key of Object.keys(part)) {
            const member: unknown = part[key as keyof typeof part]
            if (typeof member === 'object' && member !== null) walk(member, `${pointer}/${key}`)
          }
      }
      walk(plan, '')
      return origins
    },
    eachText: (plan, visit) => {
      const walk = (part: object, around: Spot | null): void => {
        const at = marks.get(part)?.at ?? around
        for (const [key, member] of Object.entries(part)) {
          if (!isList(part)) visit(key, at)
          if (typeof member === 'string') visit(member, at)
          else if (typeof member === 'object' && member !== null) walk(member, at)
        }
      }
      walk(plan, null)
    },
  }
}

/** A part that many jobs share is one object, and its origin too. */
type Mark = { readonly at: Spot; readonly via: Via; origin: Origin | null }

const isList = (part: object): part is readonly unknown[] => Array.isArray(part)

const originOf = (mark: Mark): Origin => {
  if (mark.origin !== null) return mark.origin
  const via: Place[] = []
  for (let step = mark.via; step !== null; step = step.outer) via.push(toPlace(step.at))
  mark.origin = { ...toPlace(mark.at), via }
  return mark.origin
}

type Place = { readonly file: string; readonly line: number; readonly column: number }

const toPlace = (spot: Spot): Place => {
  const { file, line, column } = positionOf(spot)
  return { file, line, column }
}
