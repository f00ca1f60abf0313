import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../test/support/random.ts'
import { dotEnvEntriesMax, parseDotEnv } from './dot-env.ts'
import { isTestValue } from './test-values.ts'

const check = (text: string, entries: Readonly<Record<string, string>>, problems: readonly string[] = []) => {
  const read = parseDotEnv(text)
  assert.deepEqual(Object.fromEntries(read.entries.map(({ name, value }) => [name, value])), entries, text)
  assert.deepEqual(
    read.problems.map(({ line, rule }) => `${line} ${rule}`),
    problems,
    text,
  )
}

test('names and values of a .env file are read as they are written', () => {
  check('', {})
  check('# nothing\n\n', {})
  check('A=1\r\nexport B = two words \r\nC=', { A: '1', B: 'two words', C: '' })
  check('\uFEFFA=b=c', { A: 'b=c' })
  check('A=x # why\nB=x#y\nC=#all', { A: 'x', B: 'x#y', C: '' })
  check(`A='a "b" \\n $C'`, { A: 'a "b" \\n $C' })
  check('A="a\\nb\\t\\"c\\" \\$D \\d"', { A: 'a\nb\t"c" $D \\d' })
  check('A="one\ntwo" # both\nB=3', { A: 'one\ntwo', B: '3' })
  check('A=pa$$word\nB="$' + '{A}"', { A: 'pa$$word', B: '$' + '{A}' })
})

test('what is wrong is named by its line, and the rest is read', () => {
  check('hello\nA=1', { A: '1' }, ['1 assignment'])
  check('1A=1\nA-B=2\n=3\nC=4', { C: '4' }, ['1 name', '2 name', '3 name'])
  check('A=1\nA=2', { A: '1' }, ['2 twice'])
  check("A='b' c\nD=1", { D: '1' }, ['1 rest'])
  check('A="b\nC=1', { C: '1' }, ['1 quote'])
  check('A="1\n2\n3"\nbad', { A: '1\n2\n3' }, ['4 assignment'])
  const many = Array.from({ length: dotEnvEntriesMax + 1 }, (_, i) => `A${i}=x`).join('\n')
  assert.deepEqual(parseDotEnv(many).problems, [{ line: dotEnvEntriesMax + 1, rule: 'many' }])
})

const pieces = [
  'A',
  'B1',
  '=',
  '=',
  "'",
  '"',
  '\\',
  '\n',
  '\r\n',
  '\n',
  ' ',
  '#',
  '$',
  'export ',
  'é',
  '\u0000',
  '{',
  'x y',
]
const textOf = (seed: number): string => {
  const random = createRandom(seed)
  return Array.from({ length: random(40) }, () => pieces[random(pieces.length)]).join('')
}

test('whatever a file holds, every line is read once and no problem holds a value', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const text = textOf(seed)
    const { entries, problems } = parseDotEnv(text)
    const lines = text.split(/\r\n?|\n/).length
    const seen = [...entries, ...problems].map(({ line }) => line)
    assert.ok(
      seen.every((line) => line >= 1 && line <= lines),
      `seed ${seed}`,
    )
    assert.equal(new Set(seen).size, seen.length, `seed ${seed}: a line was read twice`)
    assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length, `seed ${seed}`)
    assert.ok(problems.every((problem) => Object.keys(problem).sort().join() === 'line,rule'))
  }
})

const quoted = (value: string): string =>
  `"${value
    .replace(/["\\$]/g, (char) => `\\${char}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')}"`

test('what is written in quotes comes back as it was', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const values = Array.from({ length: 4 }, (_, i) => textOf(seed * 7 + i))
    const text = values.map((value, i) => `N${i}=${quoted(value)}\n`).join('# between\n')
    const { entries, problems } = parseDotEnv(text)
    assert.deepEqual(problems, [], `seed ${seed}`)
    assert.deepEqual(
      entries.map(({ value }) => value),
      values,
      `seed ${seed}`,
    )
  }
})

test('values that only hold the place of one are known, real ones are let through', () => {
  const places = [
    ...[
      '',
      '  ',
      'changeme',
      'CHANGE_ME',
      'change-me!',
      'please change me',
      'xxx',
      'XXXXXXXX',
      '****',
      '0000',
    ],
    ...['TODO', 'todo: ask the operator', 'FIXME', 'your-token-here', 'YOUR_API_KEY', 'put_your_key_here'],
    ...[
      '<token>',
      '<your token>',
      '{{ token }}',
      '$' + '{TOKEN}',
      '%TOKEN%',
      '[token]',
      'password',
      'Password123',
    ],
    ...['insert-api-key-here', 'my-secret-here', 'example', 'null', 'none', 'dummy', '"changeme"', 'test'],
  ]
  for (const value of places) assert.equal(isTestValue(value), true, value)
  const real = [
    ...['hunter2hunter2', 'correct horse battery staple', 'AKIA3SGQ5TNK7W2ZLYRB', 'eu-west-1', 'production'],
    ...[
      'https://example.org/hook?key=k83hf02',
      'postgres://app:9fk3@db/app',
      'true',
      '8080',
      'yourself42!x',
      'tokenized-8fj2',
    ],
    ...[
      '-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n',
      '{"type":"service_account"}',
      'pa$$word-4711',
    ],
  ]
  for (const value of real) assert.equal(isTestValue(value), false, value)
})
