// `--json=id,status`: the objects of `--json` with these fields only, as `fields=` of the API does it. Stands between a verb
// and standard output, so that every verb that prints JSON has it without knowing.
import type { Command } from 'commander'
import { Option } from 'commander'
import { fault } from '../base/faults.ts'
import { fieldsForm, pickFields } from '../protocol/api/fields.ts'
import type { Output } from './surroundings.ts'

/** commander would take the word behind `--json` for its fields: they are a hidden option of their own. */
export const splitJsonFields = (words: readonly string[]): readonly string[] => {
  const end = words.indexOf('--')
  return words.flatMap((word, i) =>
    word.startsWith('--json=') && (end === -1 || i < end)
      ? ['--json', `--json-fields=${word.slice('--json='.length)}`]
      : [word],
  )
}

/** To every verb below that prints JSON. */
export const addJsonFields = (command: Command): void => {
  if (command.options.some(({ long }) => long === '--json'))
    command.addOption(new Option('--json-fields <names>').hideHelp())
  for (const child of command.commands) addJsonFields(child)
}

export const withFields = (output: Output, asked: string): Output => {
  if (!fieldsForm.test(asked))
    throw fault('E_INPUT', { public: '--json= takes names of fields, with commas between them' })
  const fields = asked.split(',')
  let isFirst = true
  const pick = (line: string): string => {
    if (line === '') return line
    const document: unknown = JSON.parse(line)
    // Objects of a stream differ; the first one tells whether a name was mistyped.
    if (isFirst) requireFields(document, fields)
    isFirst = false
    return JSON.stringify(pickFields(document, fields))
  }
  return {
    isTerminal: output.isTerminal,
    columns: output.columns,
    // With --json a verb writes whole lines.
    write: (text) => output.write(String(text).split('\n').map(pick).join('\n')),
  }
}

const requireFields = (document: unknown, fields: readonly string[]): void => {
  const { items } = document as { readonly items?: unknown }
  const known = Object.keys((Array.isArray(items) ? items[0] : document) ?? {})
  const wrong = fields.find((name) => !known.includes(name))
  if (wrong !== undefined && known.length > 0)
    throw fault('E_INPUT', { public: `there is no field ${wrong}; there are ${known.join(', ')}` })
}
