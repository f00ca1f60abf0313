import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeCharsMax, lineCharsMax } from './limits.ts'
import { createSgrReducer } from './sgr.ts'

const esc = '\u001b'
// biome-ignore lint/suspicious/noControlCharactersInRegex: the absence of these is what is tested.
const forbidden = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/
/** What is left of `pieces`, unfinished line included, with ESC written as `^`. */
const reduce = (...pieces: string[]): string[] => {
  const reducer = createSgrReducer()
  const lines = pieces.flatMap((piece) => reducer.push(piece))
  const tail = reducer.tail()
  return [...lines, ...(tail === null ? [] : [tail])].map((line) => line.text.replaceAll(esc, '^'))
}
const check = (input: string, ...expected: string[]) => assert.deepEqual(reduce(input), expected)

test('plain lines stay as they are, tabs included', () => {
  check('one\ntwo\tcolumns\r\nthree', 'one', 'two\tcolumns', 'three')
})

test('a colour that is on when a line ends starts the next line, so each line stands alone', () => {
  check(`${esc}[31mred\nstill red${esc}[0m plain\nplain`, '^[0;31mred', '^[0;31mstill red^[0m plain', 'plain')
})

test('decorations and colours add up, and each is switched off by its own code', () => {
  check(`${esc}[1m${esc}[4;32mA${esc}[22mB${esc}[39mC`, '^[0;1m^[0;1;4;32mA^[0;4;32mB^[0;4mC')
})

test('256 and true colours are kept, in both notations; nonsense is no colour', () => {
  check(`${esc}[38;5;208mA`, '^[0;38;5;208mA')
  check(`${esc}[48;2;1;2;3mA`, '^[0;48;2;1;2;3mA')
  check(`${esc}[38:2::9:8:7mA`, '^[0;38;2;9;8;7mA')
  check(`${esc}[38;5;999mA`, '^[0mA')
  check(`${esc}[38;2;1;2mA`, '^[0mA')
})

test('hidden text and blinking are not obeyed: a log says one thing to everybody', () => {
  check(`${esc}[8msecret${esc}[5mblink`, '^[0msecret^[0mblink')
})

test('every other control sequence is dropped', () => {
  check(`a${esc}[2Jb${esc}[10;10Hc${esc}[?25ld${esc}[3Ae`, 'abcde')
  check(`a${esc}]0;title\u0007b${esc}]8;;http://x${esc}\\c${esc}Pdcs${esc}\\d`, 'abcd')
  check(`a${esc}(Bb${esc}7c${esc}cd`, 'abcd')
  check('a\u0000b\u0007c\u0085d\u009b31me', 'abcd^[0;31me')
})

test('a progress line collapses to its last state', () => {
  check('10%\r50%\r100%\n', '100%')
  check(`loading…\r${esc}[Kdone\n`, 'done')
  check('abcdef\rXY\n', 'XYcdef')
  check(`${esc}[33m10%${esc}[0m\r${esc}[32mok${esc}[0m\n`, '^[0;32mok^[0;33m%')
})

test('backspace, cursor column and the three ways to erase a line work within it', () => {
  check('abc\b\bX', 'aXc')
  check(`abc${esc}[1GX`, 'Xbc')
  check(`a${esc}[3CX`, 'a   X')
  check(`abcdef${esc}[3D${esc}[K`, 'abc')
  check(`abcdef${esc}[2Kx`, '      x')
  check(`abc${esc}[2D${esc}[1KX`, ' Xc')
})

test('pieces may be cut anywhere: the result is the same', () => {
  const input = `${esc}[1;31mred${esc}[0m\r\n${esc}]8;;http://x\u0007link${esc}]8;;\u0007\rL\n10%\r20%\n`
  const whole = reduce(input)
  for (let cut = 1; cut < input.length; cut++)
    assert.deepEqual(reduce(input.slice(0, cut), input.slice(cut)), whole, `cut at ${cut}`)
  assert.deepEqual(reduce(...input), whole)
})

test('a sequence that never ends does not swallow the log', () => {
  const lines = reduce(`${esc}]0;${'x'.repeat(escapeCharsMax)}`, 'visible\n')
  assert.match(lines.join(''), /visible$/)
})

test('no sequence takes the end of its line with it', () => {
  check(`a${esc}\nb${esc}(\nc`, 'a', 'b', 'c')
  check(`a${esc}]0;title\nb${esc}[3\nc`, 'a', 'b', 'c')
  check(`a${esc}]8;;https://example.com\nb`, 'a', 'b')
})

test('a line is bounded, and says how much is missing', () => {
  const reducer = createSgrReducer()
  const [line] = reducer.push(`${'x'.repeat(lineCharsMax + 7)}\n`)
  assert.equal(line?.width, lineCharsMax)
  assert.equal(line?.cut, 7)
  const [moved] = createSgrReducer().push(`a\r${'y'.repeat(lineCharsMax + 3)}\n`)
  assert.equal(moved?.text.length, lineCharsMax)
  assert.equal(moved?.cut, 3)
})

test('whatever comes in, nothing but text and SGR comes out', () => {
  let seed = 42
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed / 2 ** 31
  }
  const alphabet = [
    esc,
    '[',
    ']',
    ';',
    '3',
    '1',
    'm',
    'K',
    'G',
    '\r',
    '\n',
    '\b',
    '\u0007',
    '\u009b',
    '?',
    'a',
    '😀',
    ':',
  ]
  for (let round = 0; round < 400; round++) {
    const input = Array.from({ length: 60 }, () => alphabet[Math.floor(random() * alphabet.length)]).join('')
    for (const line of reduce(input))
      assert.doesNotMatch(line.replace(/\^\[0[0-9;]*m/g, ''), forbidden, JSON.stringify(input))
  }
})
