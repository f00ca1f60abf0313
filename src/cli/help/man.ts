// The manual, in the language of man(7), from what `--help` shows: of `mayfly` all verbs and topics, of a verb those below it. Text is
// escaped at one place: no word of it is read as a request.
import type { Command } from 'commander'
import { examplesOf, pathOf } from './help.ts'
import { exitCodeWords, type TopicPart, topics, variableWords } from './topics.ts'

export const manual = (command: Command, version: string): string => {
  const isWhole = command.parent === null
  const name = ['mayfly', ...pathOf(command)].join('-')
  const verbs = isWhole ? command.commands.filter(isShown) : [command]
  const lines = [
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`mayfly ${version}`)} ${quoted('Mayfly')}`,
    '.SH NAME',
    text(`${name} - ${command.description()}`),
    ...section(
      'SYNOPSIS',
      isWhole ? ['.B mayfly', text('VERB [options] [words]')] : [text(usageOf(command))],
    ),
    ...section('EXAMPLES', ['.nf', ...examplesOf(command).map(text), '.fi']),
    ...section(
      'VERBS',
      verbs.flatMap((verb) => verbLines(verb)),
    ),
    ...section('EVERYWHERE', terms(everywhere)),
    ...(isWhole ? Object.values(topics).flatMap(({ about, parts }) => topicLines(about, parts)) : []),
    ...section('EXIT STATUS', terms(exitCodeWords)),
    ...section('ENVIRONMENT', terms(variableWords)),
  ]
  return `${lines.join('\n')}\n`
}

const everywhere = [
  ['--color auto|always|never', 'colours'],
  ['--no-input', 'ask for nothing: what would be asked for is an error'],
  ['--debug', 'show the requests on standard error, without credentials'],
  ['--help', 'what there is to say of a verb, on one screen'],
] as const

/** What the sections of the manual say already is not said twice. */
const sectioned = [topics['exit-codes'], topics.environment].map((topic) => topic?.about)

const topicLines = (about: string, parts: readonly TopicPart[]): readonly string[] =>
  sectioned.includes(about)
    ? []
    : section(
        about.toUpperCase(),
        parts.flatMap((part) => (typeof part === 'string' ? ['.PP', text(part)] : terms(part))),
      )

/** A verb with its options, then those below it. */
const verbLines = (verb: Command): readonly string[] => {
  const helper = verb.createHelp()
  const options = helper.visibleOptions(verb).filter(({ long }) => long !== '--help')
  const below = verb.commands.filter(isShown)
  const own = [
    `.SS ${quoted(usageOf(verb))}`,
    text(sentence(verb.description())),
    ...terms(options.map((option) => [helper.optionTerm(option), helper.optionDescription(option)])),
  ]
  return below.length === 0 ? own : below.flatMap(verbLines)
}

const isShown = (verb: Command): boolean =>
  verb.parent?.createHelp().visibleCommands(verb.parent).includes(verb) === true

const usageOf = (verb: Command): string => {
  const [, ...rest] = ['mayfly', ...pathOf(verb)]
  return ['mayfly', ...rest, verb.usage()].join(' ')
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`.SH ${quoted(title)}`, ...lines]

const terms = (pairs: readonly (readonly [term: string, about: string])[]): readonly string[] =>
  pairs.flatMap(([term, about]) => ['.TP', `.B ${quoted(term)}`, text(about)])

/** As it stands: neither an escape nor, at the beginning of a line, a request. */
const escaped = (words: string): string =>
  words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(
      /[^\x20-\x7e]/gu,
      (char) => `\\[u${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    )

const text = (words: string): string => escaped(words).replace(/^[.]/, '\\&.')
const quoted = (words: string): string => `"${escaped(words).replaceAll('"', '\\(dq')}"`
