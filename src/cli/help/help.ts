// How `--help` looks (experience.md §2.1): examples first, exit codes last, on one screen of 40 lines. A narrow terminal gets what an
// option means below it, not in a column of three letters.
import type { Command, Help } from 'commander'
import { wrapText } from '../look.ts'
import { examples, overview } from './examples.ts'
import { list } from './list.ts'
import { topics } from './topics.ts'

const columnsDefault = 80
const examplesShown = 3

const exits = [
  ...['0 success', '1 ended badly', '2 wrong usage', '3 not allowed', '4 server or network', '5 not found'],
  ...['6 cancelled', '7 invalid configuration', '8 timed out', '9 waits for a person'],
  ...['11 machine not ready', '70 defect', '130 interrupted'],
]
  // Each code stays with its word.
  .map((each) => each.replaceAll(' ', '\u00a0'))
  .join(', ')

/** For `configureHelp`, which hands it on to every verb below. */
export const help: Partial<Help> = {
  optionDescription: ({ description, argChoices, defaultValue }) => {
    const facts = [
      ...(argChoices === undefined ? [] : [argChoices.join(', ')]),
      // What may be repeated begins with nothing, and what is a switch is off.
      ...(defaultValue === undefined || typeof defaultValue === 'object' || defaultValue === false
        ? []
        : [`default ${defaultValue}`]),
    ]
    return facts.length === 0 ? description : `${description} (${facts.join('; ')})`
  },
  formatHelp: (command, helper) => {
    const columns = helper.helpWidth ?? columnsDefault
    const body =
      command.parent === null ? overviewOf(command, columns) : verbsAndOptions(command, helper, columns)
    return [
      `Usage: ${helper.commandUsage(command)}`,
      ...wrapText(command.description(), columns),
      ...section(
        'Examples',
        shownExamples(command).map((line) => `  ${line}`),
      ),
      ...body,
      ...section(
        'Exit codes',
        wrapText(exits, columns - 2).map((line) => `  ${line.replaceAll('\u00a0', ' ')}`),
      ),
      '',
    ].join('\n')
  },
}

/** The words that lead to a command: `['runs', 'list']`. */
export const pathOf = (command: Command): readonly string[] =>
  command.parent === null ? [] : [...pathOf(command.parent), command.name()]

export const examplesOf = (command: Command): readonly string[] => {
  const [first = '', ...rest] = pathOf(command)
  const all = examples[first] ?? []
  const words = `mayfly ${[first, ...rest].join(' ')}`
  return rest.length === 0 ? all : all.filter((line) => `${line} `.includes(`${words} `))
}

const shownExamples = (command: Command): readonly string[] => examplesOf(command).slice(0, examplesShown)

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines]

const verbsAndOptions = (command: Command, helper: Help, columns: number): readonly string[] => {
  const verbs = helper
    .visibleCommands(command)
    .filter((verb) => verb.name() !== 'help')
    .map((verb) => [helper.subcommandTerm(verb).replace(' [options]', ''), verb.description()] as const)
  const options = helper
    .visibleOptions(command)
    .filter(({ long }) => verbs.length === 0 && long !== '--help')
    .map((option) => [helper.optionTerm(option), helper.optionDescription(option)] as const)
  return [...section('Verbs', list(verbs, columns)), ...section('Options', list(options, columns))]
}

const overviewOf = (program: Command, columns: number): readonly string[] => {
  const known = new Set(program.commands.map((command) => command.name()))
  const lines = overview.flatMap(([title, rows]) => {
    const here = rows.filter(([verbs]) => verbs.split(', ').some((verb) => known.has(verb)))
    return here.length === 0 ? [] : [title, ...list(here, columns)]
  })
  return [
    '',
    ...lines,
    '',
    ...wrapText(
      `mayfly help VERB says more of one; topics: ${Object.keys(topics).join(', ')}. Everywhere: --color auto|always|never, --no-input, --debug. -V, --version.`,
      columns,
    ),
  ]
}
