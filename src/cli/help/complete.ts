// What may stand where somebody presses TAB: verbs, options and their words from the program itself, names of projects, contexts and runs
// from the server. What is found becomes part of a command line: a name with any other character than these is left out.
import type { Command, Option } from 'commander'
import { topics } from './topics.ts'

const harmless = /^[\w.,/@:+=-]+$/

/** What the server knows; each answers nothing when it cannot tell. */
export type Names = Readonly<Record<'projects' | 'contexts' | 'runs', () => Promise<readonly string[]>>> & {
  /** Of the run that a ref names, else of the newest one of this branch. */
  readonly jobs: (ref: string | undefined) => Promise<readonly string[]>
}

/** `words` are those after `mayfly`, the last of them as far as it is typed. */
export const complete = async (
  program: Command,
  words: readonly string[],
  names: Names,
): Promise<readonly string[]> => {
  const typed = words.at(-1) ?? ''
  const found = await candidates({ ...walk(program, words.slice(0, -1)), typed }, names)
  return [...new Set(found)].filter((word) => word.startsWith(typed) && harmless.test(word)).sort()
}

/** The verb that words are of, as far as they name one. */
export const commandIn = (program: Command, words: readonly string[]): Command => walk(program, words).command

type Place = {
  readonly command: Command
  /** An option that waits for its value. */
  readonly open: Option | null
  readonly operands: readonly string[]
}

const walk = (program: Command, words: readonly string[]): Place => {
  let place: Place = { command: program, open: null, operands: [] }
  for (const word of words) place = step(place, word)
  return place
}

const step = ({ command, open, operands }: Place, word: string): Place => {
  if (open !== null) return { command, open: null, operands }
  if (word.startsWith('-')) {
    const option = command.options.find(({ short, long }) => short === word || long === word)
    return { command, open: option?.required === true ? option : null, operands }
  }
  const verb = command.commands.find((each) => each.name() === word || each.aliases().includes(word))
  return verb === undefined
    ? { command, open: null, operands: [...operands, word] }
    : { command: verb, open: null, operands: [] }
}

const candidates = async (
  { command, open, operands, typed }: Place & { readonly typed: string },
  names: Names,
): Promise<readonly string[]> => {
  // Those of `mayfly run` stand in a file here, not on the server.
  if (open?.long === '--job' && command.name() !== 'run') return names.jobs(operands[0])
  if (open !== null) return open.argChoices ?? (await named(open.attributeName(), names))
  if (typed.startsWith('-'))
    return command.options
      .flatMap(({ long, hidden }) => (hidden || long == null ? [] : [long]))
      .concat('--help')
  const verbs = command.commands.map((verb) => verb.name())
  if (verbs.length > 0) return operands.length > 0 ? [] : verbs.filter((verb) => verb !== 'complete')
  if (command.name() === 'help') return helpWords(command, operands.length)
  const argument = command.registeredArguments[operands.length]
  if (argument === undefined) return []
  if (argument.name() === 'project') return names.projects()
  const isOf = command.parent?.name()
  if (argument.name() === 'name' && (isOf === 'project' || isOf === 'context')) return named(isOf, names)
  return ['ref', 'before', 'after'].includes(argument.name()) ? names.runs() : (argument.argChoices ?? [])
}

/** Verbs and topics; which verbs are below one, its own help says. */
const helpWords = ({ parent }: Command, operands: number): readonly string[] =>
  operands > 0
    ? []
    : [...(parent?.commands ?? []).map((verb) => verb.name()), ...Object.keys(topics)].filter(
        (word) => word !== 'complete',
      )

const named = async (what: string, names: Names): Promise<readonly string[]> => {
  if (what === 'project') return names.projects()
  return what === 'context' ? names.contexts() : []
}
