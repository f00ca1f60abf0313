import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate, isFault, parseExpression } from './expression.ts'
import { parseTemplate, type TemplatePart } from './template.ts'

const show = (part: TemplatePart): string => {
  if (part.kind === 'text') return part.text
  if (part.kind === 'reference') return `{${part.name}}`
  if (part.kind === 'expression') return `{= ${part.parsed.variables.join(' ')}}`
  return `{${part.inverted ? '^' : '#'}${part.name} ${part.parts.map(show).join('')}}`
}

const cases: readonly (readonly [text: string, expected: string | null])[] = [
  ['plain >> text', 'plain >> text'],
  ['a << parameters.b >> c<<pipeline.git.tag>>', 'a {parameters.b} c{pipeline.git.tag}'],
  ['cat \\<<EOF', 'cat <<EOF'],
  ['cat \\<<< "<< parameters.x >>"', 'cat <<< "{parameters.x}"'],
  ['\\\\<< parameters.x >>', '\\{parameters.x}'],
  ['\\\\\\<< x', '\\<< x'],
  ['\\n stays', '\\n stays'],
  [
    '<<# parameters.a >>x<<^parameters.b>>y<</parameters.b>><</ parameters.a >>',
    '{#parameters.a x{^parameters.b y}}',
  ],
  [
    '<< # parameters.a >>x<< ^ parameters.b >>y<< / parameters.b >><< /parameters.a >>',
    '{#parameters.a x{^parameters.b y}}',
  ],
  ['<< pipeline.number >= 3 and "a >> b" == parameters.x >>', '{= pipeline.number parameters.x}'],
  ['cat <<EOF', null],
  ['a << b >> c', null],
  ['1<<2>>3', null],
  ['<<include(x.sh)>>', null],
  ['<<# parameters.a >>never closed', null],
  ['<</ parameters.a >>', null],
  ['<<# parameters.a >><</ parameters.b >>', null],
  ['<< parameters.a << parameters.b >>', null],
]
for (const [text, expected] of cases)
  test(`the template ${JSON.stringify(text)} ${expected === null ? 'is refused' : 'is split'}`, () => {
    const template = parseTemplate(text)
    assert.equal('wrong' in template ? null : template.parts.map(show).join(''), expected)
  })

const values: Readonly<Record<string, string | number | boolean | null>> = {
  'p.s': 'main',
  'p.n': 12,
  'p.none': null,
}

const expressions: readonly (readonly [text: string, expected: unknown])[] = [
  ['p.s == "main" and 10 or 1', 10],
  ['p.s == "dev" and 10 or 1', 1],
  ['true or false and false', true],
  ['not (p.n >= 12 and p.n < 13)', false],
  ['! p.none', true],
  ['p.none != "x"', false],
  ['p.n == "12"', false],
  ['p.s starts-with "ma"', true],
  ['p.s matches /m.*n/', true],
  ['p.s matches /m/', false],
  ['"a \\" b" == "a \\" b"', true],
  ['p.s > 3', 'type'],
  ['p.n starts-with "1"', 'type'],
  ['p.unknown', 'unknown-variable'],
  ['p.s ==', 'syntax'],
  ['p.s p.n', 'syntax'],
  ['(p.s', 'syntax'],
  ['p.s matches "x"', 'syntax'],
  ['', 'syntax'],
]
for (const [text, expected] of expressions)
  test(`the expression ${JSON.stringify(text)} gives ${String(expected)}`, () => {
    const parsed = parseExpression(text)
    const result = isFault(parsed) ? parsed : evaluate(parsed.expression, (name) => values[name])
    assert.equal(isFault(result) ? result.fault : result, expected)
  })
