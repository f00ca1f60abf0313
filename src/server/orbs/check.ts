// What is no orb, or could be used by nobody, is refused when it is put, and not when a plan of somebody else's meets it.
import { fault } from '../../base/faults.ts'
import { parseOrbAnswer } from '../../protocol/compile.ts'
import { type AskCompiler, tooMuch } from '../compile-process.ts'

/** Rejects with what is wrong, and where. */
export type CheckOrb = (id: string, text: string) => Promise<void>

export const createCheckOrb =
  (ask: AskCompiler): CheckOrb =>
  async (id, text) => {
    const answer = await ask({ v: 1, orb: { path: id, text } }, parseOrbAnswer)
    if (answer?.ok === true) return
    throw fault('E_INPUT', { public: `the orb is refused\n${answer?.words ?? tooMuch.message}` })
  }
