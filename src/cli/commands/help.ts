// `mayfly help`: of a verb what `--help` says of it, or a topic; with --man the manual, for `man -l -` or a directory of manuals.
import type { Command } from 'commander'
import { fault } from '../../base/faults.ts'
import { manual } from '../help/man.ts'
import { topicText } from '../help/topic-text.ts'
import { topics } from '../help/topics.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly man?: boolean }

export const printHelp = async (
  around: Surroundings,
  { program, ...flags }: Flags & { readonly program: Command },
  words: readonly string[],
): Promise<number> => {
  const verb = findVerb(program, words)
  const name = words.join('-')
  const topic = Object.hasOwn(topics, name) ? topics[name] : undefined
  if (flags.man === true) {
    if (verb === null) throw unknown(words)
    around.stdout.write(manual(verb, around.version))
  } else if (verb !== null) verb.outputHelp()
  else if (topic !== undefined) around.stdout.write(topicText(name, topic, columnsOf(around)))
  else throw unknown(words)
  return 0
}

const columnsMax = 100
const columnsOf = ({ stdout }: Surroundings): number =>
  stdout.isTerminal ? Math.min(stdout.columns, columnsMax) : 80

const findVerb = (program: Command, words: readonly string[]): Command | null => {
  let found = program
  for (const word of words) {
    const next = found.commands.find((verb) => verb.name() === word || verb.aliases().includes(word))
    if (next === undefined) return null
    found = next
  }
  return found
}

const unknown = (words: readonly string[]) =>
  fault('E_INPUT', {
    public: `"${words.join(' ')}" is no verb and no topic: \`mayfly --help\` shows the verbs; topics are ${Object.keys(topics).join(', ')}`,
  })
