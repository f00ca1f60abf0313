import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Annotation, annotationNeedles, createAnnotationScanner } from './annotations.ts'

const scan = (text: string): readonly (Annotation | null)[] => {
  const scanner = createAnnotationScanner()
  return text.split('\n').map((line) => scanner.line(line))
}
/** `level file:line:column message`. */
const check = (text: string, ...expected: readonly string[]) => {
  const found = scan(text).flatMap((one) =>
    one === null
      ? []
      : [
          `${one.level} ${one.file ?? '-'}:${one.line ?? '-'}:${one.column ?? '-'} ${one.title === null ? '' : `[${one.title}] `}${one.message}`,
        ],
  )
  assert.deepEqual(found, expected, text)
  // What is passed over at once holds none.
  if (expected.length > 0)
    assert.ok(
      annotationNeedles.some((needle) => text.includes(needle)),
      text,
    )
}

test('commands that scripts print', () => {
  check(
    '::error file=src/a.ts,line=3,col=7,title=Types::does not fit',
    'error src/a.ts:3:7 [Types] does not fit',
  )
  check('  ::warning::100%25 of 3%2C and%3A more', 'warning -:-:- 100% of 3, and: more')
  check('::notice file=a%2Cb.ts,line=x::hm', 'notice a,b.ts:-:- hm')
  check('##[error]it broke', 'error -:-:- it broke')
  check('::error::', 'error -:-:- ')
  check('::error file=a.ts')
  check('::set-output name=x::error')
  check('::constructor::x')
  check('##[group]x')
  check('a ::error::x')
})

test('what tools print by themselves', () => {
  check('src/a.ts(12,5): error TS2322: Type X', 'error src/a.ts:12:5 TS2322: Type X')
  check(
    '\u001b[96msrc/a.ts\u001b[0m:\u001b[93m12\u001b[0m:\u001b[93m5\u001b[0m - \u001b[91merror\u001b[0m\u001b[90m TS2322: \u001b[0mType X',
    'error src/a.ts:12:5 TS2322: Type X',
  )
  check('main.c:3:7: error: expected ;', 'error main.c:3:7 expected ;')
  check('lib/main.c:3: warning: unused', 'warning lib/main.c:3:- unused')
  check('main.c:1:10: fatal error: no.h: No such file', 'error main.c:1:10 no.h: No such file')
  check('C:\\src\\main.c:3:7: error: x', 'error C:\\src\\main.c:3:7 x')
  check(
    '/home/a/src/x.ts\n  12:5  error  Unexpected any  no-explicit-any\n  13:1  warning  No  rule/b\n\n✖ 2 problems (1 error, 1 warning)\n  14:1  error  not eslint',
    'error /home/a/src/x.ts:12:5 Unexpected any (no-explicit-any)',
    'warning /home/a/src/x.ts:13:1 No (rule/b)',
  )
  check('tests/test_a.py:12: AssertionError', 'error tests/test_a.py:12:- AssertionError')
  check('app/x.py:3: DeprecationWarning: old', 'warning app/x.py:3:- DeprecationWarning: old')
  check('./main.go:12:5: undefined: x', 'error ./main.go:12:5 undefined: x')
  check('vet: ./main.go:12:5: undefined: x', 'error ./main.go:12:5 undefined: x')
  check('--- FAIL: TestA (0.00s)\n    a_test.go:12: got 1', 'error a_test.go:12:- got 1')
  check('--- PASS: TestA (0.00s)\n    a_test.go:12: got 1')
  check('progress 1%\rprogress 9%\ra.c:1:2: error: x\r', 'error a.c:1:2 x')
})

test('what is no place is no annotation', () => {
  for (const line of [
    'error: something',
    'http://localhost:3000: error: refused',
    '2026-01-01 10:00:01: error: no',
    'ok 3 - error handling',
    'a.c:0:0: error: x',
    'a.c:999999999: error: x',
    '12:5  error  no heading  rule',
    'main.go:12: log line',
    '  File "a.py", line 3',
    '',
  ])
    check(line)
})

test('hostile lines are bounded in what they leave and in what they take', () => {
  const long = 'x'.repeat(100_000)
  const [found] = scan(`::error file=${long.slice(0, 1000)},line=1,title=${long.slice(0, 1000)}::${long}`)
  assert.ok(found !== undefined && found !== null)
  assert.ok(
    found.message.length <= 1000 && (found.file?.length ?? 0) <= 500 && (found.title?.length ?? 0) <= 200,
  )
  assert.deepEqual(scan('::error::a\u0000b\u0007c\u001b[31md')[0]?.message, 'abcd')
  const pieces = [
    '\u001b[',
    '\u001b]',
    '::',
    ':',
    ' ',
    '\t',
    '1',
    'a/',
    '(',
    ',',
    '.py:',
    '.go:',
    ' error  ',
    '%2',
    '\r',
  ]
  const begin = process.cpuUsage()
  for (const one of pieces)
    for (const two of pieces)
      for (const end of ['', ': error: x', '::x', '\u0007', 'x'])
        scan(`${'a.c'}${(one + two).repeat(20_000)}${end}\n  ${(one + two).repeat(20_000)}${end}`)
  const { user } = process.cpuUsage(begin)
  // 2,250 lines of 100 KB: quadratic work on what is looked at would take many times as long.
  assert.ok(user < 20_000_000, `${user / 1e6} s`)
})

test('any bytes give annotations within the bounds, and the same ones again', () => {
  let seed = 7
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff
    return seed % n
  }
  const words = [
    '::',
    'error',
    'warning',
    ' ',
    '  ',
    '\t',
    'a/b.ts',
    ':',
    '12',
    '(3,4)',
    '.go:',
    '.py:',
    '--- FAIL: ',
    '%0A',
    ',',
    'file=',
    '\u001b[31m',
    '\u202e',
  ]
  for (let round = 0; round < 5_000; round++) {
    const text = Array.from({ length: 12 }, () => words[random(words.length)] ?? '').join('')
    const found = scan(`x/y.js\n${text}`)
    assert.deepEqual(scan(`x/y.js\n${text}`), found)
    for (const one of found)
      if (one !== null) {
        assert.ok(one.line === null || (Number.isInteger(one.line) && one.line >= 1))
        assert.ok([...`${one.message}${one.file}`].every((sign) => sign >= ' ' || '\n\t'.includes(sign)))
      }
  }
})
