// The help of every verb, also of those that main adds: it fits a screen, begins with examples that are true and ends with exit codes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { idPrefixes } from '../../base/ids.ts'
import { addOperatorCommands } from '../../main/operator-commands.ts'
import { createProgram } from '../index.ts'
import type { Surroundings } from '../surroundings.ts'
import { examples, overview } from './examples.ts'
import { examplesOf, pathOf } from './help.ts'

const programOf = (columns = 80): Command => {
  const output = { write: () => undefined, isTerminal: true, columns }
  // SAFE: no verb is carried out here.
  const around = { stdout: output, stderr: output, version: '0' } as unknown as Surroundings
  return createProgram(around, (commands) => addOperatorCommands(commands, '/', '0'))
}
const everyVerb = (command: Command): readonly Command[] => [
  command,
  ...command.commands.filter((verb) => verb.name() !== 'complete').flatMap(everyVerb),
]
const shown = (command: Command): string => command.helpInformation()
const isWrapped = (command: Command): boolean => command.commands.length === 0

test('the help of every verb fits 40 lines of 80 columns, examples first, exit codes last', () => {
  for (const verb of everyVerb(programOf())) {
    const words = pathOf(verb).join(' ')
    const lines = shown(verb).trimEnd().split('\n')
    assert.ok(lines.length <= 40, `${words}: ${lines.length} lines`)
    for (const line of lines) assert.ok(line.length <= 80, `${words}: ${line}`)
    assert.ok(lines.indexOf('Examples:') <= 4, words)
    assert.equal(
      lines.findLastIndex((line) => line.endsWith(':')),
      lines.indexOf('Exit codes:'),
      words,
    )
  }
})

test('ids in examples are of a kind that there is', () => {
  const named = Object.values(examples)
    .flat()
    .flatMap((line) => line.match(/\b[a-z]{3}_[0-9a-v]{26}\b/g) ?? [])
  assert.ok(named.length > 5)
  for (const id of named)
    assert.ok(
      Object.values(idPrefixes).some((prefix) => id.startsWith(`${prefix}_`)),
      id,
    )
})

test('on a narrow terminal no line of a help is longer than it, words apart', () => {
  for (const verb of everyVerb(programOf(40)))
    for (const line of shown(verb).split('\n'))
      assert.ok(line.length <= 40 || /^( {2}\S|Usage)/.test(line), line)
})

test('every example is understood by the program, and every verb has one', async () => {
  const program = programOf()
  const carriedOut: string[] = []
  for (const verb of everyVerb(program).filter(isWrapped))
    verb.action(() => void carriedOut.push(pathOf(verb).join(' ')))
  for (const line of Object.values(examples).flat()) {
    const words = wordsOf(line)
    await program
      .parseAsync(words, { from: 'user' })
      .catch((error: Error) => assert.fail(`${line}: ${error.message}`))
    assert.equal(words.slice(0, carriedOut.at(-1)?.split(' ').length).join(' '), carriedOut.at(-1), line)
  }
  for (const verb of everyVerb(program)) assert.ok(examplesOf(verb).length > 0, pathOf(verb).join(' '))
})

/** What a shell makes of the part behind `mayfly`. */
const wordsOf = (line: string): readonly string[] =>
  [...(line.split('mayfly ')[1] ?? '').replace(/ [<>] .*$|\)$/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? (plain ?? '').replace(/^--json=/, '--json-fields='),
  )

test('the overview names every verb once', () => {
  const named = overview.flatMap(([, rows]) => rows.flatMap(([verbs]) => verbs.split(', ')))
  const known = programOf()
    .commands.map((verb) => verb.name())
    .filter((name) => name !== 'complete')
  assert.deepEqual([...named].sort(), [...known].sort())
})
