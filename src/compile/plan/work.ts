// What a compile may write. Commands that call commands, matrices and aliases can make a plan explode from a small
// file; everything that copies text spends from this meter, and stops when it is empty.

import { limits } from '../limits.ts'
import type { Problems } from '../problems.ts'
import type { Spot } from '../source/file.ts'

export interface WorkMeter {
  /** False, with one problem, when the limit is reached. */
  spend(characters: number, at: Spot): boolean
  /** Never less than the characters of the plan so far, before JSON escapes any. */
  spent(): number
}

export const createWorkMeter = (problems: Problems): WorkMeter => {
  let left: number = limits.workMax
  return {
    spend: (characters, at) => {
      if (left <= 0) return false
      left -= characters
      if (left > 0) return true
      problems.add('E_PLAN_TOO_LARGE', at, 'commands, matrices and aliases make this configuration too large')
      return false
    },
    spent: () => limits.workMax - left,
  }
}
