import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileQuery } from '../../protocol/terminal/search.ts'
import { markSpans } from './marks.ts'

const span = (text: string, tone: number | null = null) => ({
  ...{ text, tone, colour: null, inverse: false, classes: '' },
})
const find = (text: string) => compileQuery({ text, isRegex: false, matchCase: false })

test('what was found is marked across colours, and colours stay', () => {
  const marked = markSpans([span('an Err', 1), span('or here')], find('error'))
  assert.deepEqual(
    marked.map(({ text, tone, isHit }) => [text, tone, isHit]),
    [
      ['an ', 1, false],
      ['Err', 1, true],
      ['or', null, true],
      [' here', null, false],
    ],
  )
})

test('a mask is told by the name of its secret, whatever else is around it', () => {
  const marked = markSpans([span('token=[secret DEPLOY_TOKEN]; [secret ]')], null)
  assert.deepEqual(
    marked.map(({ text, secret }) => [text, secret]),
    [
      ['token=', null],
      ['[secret DEPLOY_TOKEN]', 'DEPLOY_TOKEN'],
      ['; [secret ]', null],
    ],
  )
})

test('a line with nothing to mark stays as it is', () => {
  const spans = [span('a'), span('b', 2)]
  assert.deepEqual(
    markSpans(spans, find('zzz')).map(({ text }) => text),
    ['a', 'b'],
  )
})

test('what looks like a credential is marked across colours; a mask is none', () => {
  const [head, tail] = [`gh${'p'}_4Tz9Qw7Lm2Xc8Vb1Nk`, '5Rj3Hd6Fs0Pa4Yt8Ue']
  const marked = markSpans([span(`token=${head}`, 1), span(`${tail} token=[secret A_1]`)], null)
  assert.deepEqual(
    marked.map(({ text, suspect, secret }) => [text, suspect, secret]),
    [
      ['token=', null, null],
      [head, 'github_token', null],
      [tail, 'github_token', null],
      [' token=', null, null],
      ['[secret A_1]', null, 'A_1'],
    ],
  )
})
