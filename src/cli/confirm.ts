// What cannot be taken back is asked about on a terminal, and no is the answer of who only presses Enter. A script has said what it
// wants by calling the verb: where nobody sits there, nothing is asked.
import { type Command, Option } from 'commander'
import { fault } from '../base/faults.ts'
import type { Action } from './action.ts'
import { exitCodes } from './exit-codes.ts'
import { inertText } from './inert.ts'
import type { Surroundings } from './surroundings.ts'

export const withYes = (verb: Command): Command =>
  verb.addOption(new Option('-y, --yes', 'do it without being asked on a terminal'))

/** An action that begins with a question, made of the arguments of the verb. */
export const whenSure =
  <F extends object, A extends readonly unknown[]>(
    question: (...args: A) => string,
    load: () => Promise<Action<F, A>>,
  ) =>
  async (): Promise<Action<F, A>> => {
    const carryOut = await load()
    return async (around, flags, ...args) => {
      const isSure = ('yes' in flags && flags.yes === true) || (await ask(around, question(...args)))
      if (isSure) return carryOut(around, flags, ...args)
      if (around.interrupted.aborted) return exitCodes.interrupted
      around.stderr.write('nothing was changed\n')
      return exitCodes.cancelled
    }
  }

/** Whether somebody says yes; where nobody sits there, the verb itself has. */
export const ask = async (around: Surroundings, question: string): Promise<boolean> => {
  if (!around.stdinIsTerminal) return true
  if (around.wishes?.mayAsk === false)
    throw fault('E_INPUT', {
      public: `"${question}" would be asked, and --no-input or CI says that nobody answers: say --yes`,
    })
  around.stderr.write(inertText`${question} [y/N] `)
  return /^\s*y(es)?\s*$/i.test(await around.readLine())
}
