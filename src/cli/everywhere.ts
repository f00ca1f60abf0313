// What every verb takes, before or behind its own words: `--color`, `--no-input` and `--debug`; and what a verb does with it. action.ts puts the
// wishes of the person into the surroundings of the verb.
import { type Command, Option } from 'commander'
import { fault } from '../base/faults.ts'
import type { Surroundings, Wishes } from './surroundings.ts'

export const addEverywhere = (program: Command): void => {
  program
    .addOption(new Option('--color <when>', 'colours').choices(['auto', 'always', 'never']).default('auto'))
    .option('--no-input', 'ask for nothing: what would be asked for is an error')
    .option('--debug', 'show the requests, without credentials')
}

export const withWishes = (around: Surroundings, verb: Command): Surroundings => {
  const { color, input, debug } = verb.optsWithGlobals<{
    color?: Wishes['colour']
    input?: boolean
    debug?: boolean
  }>()
  const mayAsk = input !== false && !isSet(around.environment.CI)
  return { ...around, wishes: { colour: color ?? 'auto', mayAsk, debug: debug === true } }
}

const isSet = (value: string | undefined): boolean => !['', '0', 'false'].includes(value ?? '')

/** Without echo. `instead`: what gives it where nobody may be asked. Standard input that is no terminal is read, and nobody asked. */
export const askHidden = async (
  around: Surroundings,
  question: string,
  instead: string,
): Promise<Uint8Array> => {
  if (around.stdinIsTerminal && around.wishes?.mayAsk === false)
    throw fault('E_INPUT', {
      public: `the ${question} would be asked for, and --no-input or CI says that nobody answers: give it ${instead}`,
    })
  return around.readHidden(`${question}: `)
}
