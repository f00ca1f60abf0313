import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pieceBytesMax } from '../limits.ts'
import { createMasker, type MaskedSecret, type Masker, unmaskable } from './mask.ts'
import { formsOf } from './secret-forms.ts'

const secret = (name: string, value: string | Uint8Array): MaskedSecret => ({
  name,
  value: typeof value === 'string' ? Buffer.from(value) : value,
})
const token = secret('TOKEN', 'hunter2-Zx81+/q?')

const maskerOf = (...secrets: readonly MaskedSecret[]): Masker => {
  const masker = createMasker(secrets)
  assert.ok(masker)
  return masker
}

/** Masks `text` cut at `cuts`. */
const masked = (masker: Masker, text: string | Buffer, cuts: readonly number[] = []): string => {
  const bytes = Buffer.from(text)
  const stream = masker.stream()
  const parts: Uint8Array[] = []
  for (const [at, end] of [...cuts, bytes.length].entries())
    parts.push(Buffer.from(stream.write(bytes.subarray(at === 0 ? 0 : cuts[at - 1], end))))
  parts.push(stream.flush())
  return Buffer.concat(parts).toString('latin1')
}

/** What comes out of a stream, piece by piece. */
const sayingTo =
  (stream: ReturnType<Masker['stream']>) =>
  (text: string): string =>
    Buffer.from(stream.write(Buffer.from(text))).toString()

/** A small generator with a seed: a failure can be repeated. */
const randomFrom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  const text = (length: number, alphabet: string) =>
    Array.from({ length }, () => alphabet[below(alphabet.length)]).join('')
  return { below, text }
}

const escapeCharacter = String.fromCharCode(27)
const stripped = (text: string): string => text.replace(new RegExp(`${escapeCharacter}\\[[0-9;]*m`, 'g'), '')

test('every encoding of a secret becomes its name', () => {
  const masker = maskerOf(token)
  const { value } = token
  const raw = Buffer.from(value)
  const shifted = (before: string, after: string) =>
    Buffer.concat([Buffer.from(before), raw, Buffer.from(after)])
  const percent = encodeURIComponent(raw.toString())
  const printed: readonly Buffer[] = [
    raw,
    ...[0, 1, 2, 3].map((n) => Buffer.from(shifted('x'.repeat(n), 'tail').toString('base64'))),
    ...[0, 1, 2].map((n) => Buffer.from(shifted('x'.repeat(n), '').toString('base64url'))),
    Buffer.from(Buffer.from(raw.toString('base64')).toString('base64')),
    Buffer.from(Buffer.from(`Basic ${shifted('user:', '').toString('base64')}`).toString('base64')),
    Buffer.from(raw.toString('hex')),
    Buffer.from(raw.toString('hex').toUpperCase()),
    Buffer.from(percent),
    Buffer.from(percent.replace(/%../g, (code) => code.toLowerCase())),
  ]
  for (const text of printed) {
    const output = masked(masker, text)
    assert.match(output, /\[secret TOKEN\]/, text.toString())
    for (const form of formsOf(value)) assert.ok(!output.includes(form.toString('latin1')), text.toString())
  }
})

test('a secret with quotes, controls and umlauts is found as JSON and in a URL', () => {
  const value = 'pä"ss\tw/o<r>d\\é'
  const masker = maskerOf(secret('P', value))
  const json = JSON.stringify({ value })
  const goJson = json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e')
  const asciiJson = json.replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  for (const text of [json, goJson, asciiJson]) assert.equal(masked(masker, text), '{"value":"[secret P]"}')
  assert.equal(masked(masker, `?q=${encodeURIComponent(value)}&x`), '?q=[secret P]&x')
})

test('a secret with quotes is found as shells write it', () => {
  const masker = maskerOf(secret('PASS', `it's "a" $x \`y\` \\ #b! c,d`))
  const written = [
    // bash: set -x, declare -p; dash: export -p.
    `'it'\\''s "a" $x \`y\` \\ #b! c,d'`,
    `"it's \\"a\\" \\$x \\\`y\\\` \\\\ #b! c,d"`,
    `'it'"'"'s "a" $x \`y\` \\ #b! c,d'`,
  ]
  for (const text of written) assert.match(masked(masker, text), /^['"]?\[secret PASS\]['"]?$/)
})

test('white space around a secret is no part of it: a shell without quotes drops it', () => {
  const value = '  hunter2-Zx81+/q? \t'
  const masker = maskerOf(secret('TOKEN', value))
  const texts = [
    value,
    value.trim(),
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('hex'),
  ]
  for (const text of texts) {
    const output = masked(masker, `with ${text} in it`)
    assert.match(output, /\[secret TOKEN\]/, text)
    for (const piece of ['hunter2', 'Zx81', 'aHVudGVy', '68756e746572'])
      assert.equal(output.includes(piece), false, output)
  }
})

test('each telling line of a secret with several lines is one', () => {
  const pem =
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n  a=1\n========\nrO5mgbKlx2Hp\n-----END PRIVATE KEY-----\n'
  const masker = maskerOf(secret('KEY', pem))
  assert.equal(masked(masker, pem), '[secret KEY]\n')
  assert.equal(masked(masker, 'a rO5mgbKlx2Hp\n'), 'a [secret KEY]\n')
  const others = '========\n-----BEGIN PRIVATE KEY-----\n  a=1\n'
  assert.equal(masked(masker, others), others)
})

test('encoded text is found over the line ends that tools put into it', () => {
  const long = secret('LONG', Buffer.from(Array.from({ length: 200 }, (_, at) => (at * 89 + 13) % 256)))
  const masker = maskerOf(long)
  const wrap = (text: string, width: number, end = '\n') =>
    text.replace(new RegExp(`.{1,${width}}`, 'g'), (line) => line + end)
  const encoded = (encoding: 'base64' | 'hex', before: string) =>
    Buffer.concat([Buffer.from(before), Buffer.from(long.value)]).toString(encoding)
  for (const text of [
    wrap(encoded('base64', ''), 76),
    wrap(encoded('base64', ''), 64, '\r\n'),
    wrap(encoded('hex', ''), 60),
  ])
    for (const cut of [[], [70], [76], [77], [20, 78, 79, 80]])
      assert.match(stripped(masked(masker, text, cut)), /^(\[secret LONG\][\w=]{0,2}\r?\n)+$/)
  const short = maskerOf(token)
  for (let before = 30; before < 80; before++) {
    const text = wrap(
      Buffer.concat([Buffer.from('.'.repeat(before)), Buffer.from(token.value)]).toString('base64'),
      76,
    )
    assert.match(masked(short, text), /\[secret TOKEN\]/, `${before}`)
  }
})

test('escape sequences in the middle of a secret hide it from nobody', () => {
  const masker = maskerOf(token)
  const text = `a \x1b[01;31m\x1b[Khunter\x1b[m\x1b[K2-Zx\x1b(B\x1b]0;title\x0781+/q? b\n`
  assert.equal(masked(masker, text), 'a \x1b[01;31m\x1b[K\x1b[0m[secret TOKEN] b\n')
  for (let cut = 1; cut < text.length; cut++) assert.equal(masked(masker, text, [cut]), masked(masker, text))
  const coloured = '\x1b[31mred\x1b[0m and \x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\ \x1b'
  for (let cut = 1; cut < coloured.length; cut++) assert.equal(masked(masker, coloured, [cut]), coloured)
})

test('a secret inside an escape sequence is masked too', () => {
  const masker = maskerOf(token, secret('PIN', '12345678'))
  assert.ok(!masked(masker, '\x1b]8;;https://x/?hunter2-Zx81+/q?\x1b\\go\x1b]8;;\x1b\\').includes('hunter2'))
  assert.ok(!masked(masker, '\x1b[12345678mgo').includes('12345678'))
})

test('what cannot be the beginning of a form is passed on at once', () => {
  const stream = maskerOf(secret('S', '!hunter2!hunter2')).stream()
  const say = sayingTo(stream)
  assert.equal(say('downloading\n'), 'downloading\n')
  assert.equal(say('so far !hun'), 'so far ')
  assert.equal(say('gry\n'), '!hungry\n')
  assert.equal(say('a !hunter2!hunte'), 'a ')
  assert.equal(say('r2'), '[secret S]')
  assert.equal(say('!hunter2!hunter2'), '')
  assert.equal(say('.'), '.')
  assert.equal(say('!'), '')
  assert.equal(stream.flush().toString(), '!')
  assert.equal(say('!hunter2!hunter2'), '[secret S]')
})

test('a secret that is the beginning of another, and secrets that overlap', () => {
  const masker = maskerOf(secret('A', 'abcdefgh'), secret('AB', 'abcdefghijkl'), secret('C', 'ghijklmnop'))
  assert.equal(masked(masker, 'x abcdefgh y'), 'x [secret A] y')
  assert.equal(masked(masker, 'x abcdefghijkl y'), 'x [secret AB] y')
  assert.equal(masked(masker, 'x abcdefghijklmnop y'), 'x [secret AB] y')
  assert.equal(masked(masker, 'abcdefghabcdefghghijklmnop'), '[secret A][secret C]')
  assert.equal(masked(masker, 'abcdefghijk', [8]), '[secret A]ijk')
})

test('short, plain and empty values are not masked, and that is told', () => {
  const values = ['', 'a', 'abc', 'true', 'False', '\n\n', 'abcd', 'hunter2'].map((value, at) =>
    secret(`S${at}`, value),
  )
  assert.deepEqual(unmaskable(values), ['S0', 'S1', 'S2', 'S3', 'S4', 'S5'])
  assert.equal(createMasker(values.slice(0, 6)), null)
  assert.equal(createMasker([]), null)
  const masker = maskerOf(...values)
  assert.equal(masked(masker, 'true abcd hunter2 abc'), 'true [secret S6] [secret S7] abc')
})

test('the word in place of a secret never makes a new one', () => {
  const masker = maskerOf(secret('A', 'swordfish'), secret('B', 'x[secret'), secret('C', '***y'))
  assert.equal(masker.text('xswordfishy x[secret'), 'x•••y •••')
  const says = (value: string) =>
    maskerOf(secret('deploy', 'swordfish'), secret('B', value)).text('swordfish]s')
  assert.equal(says('another'), '[secret deploy]]s')
  assert.equal(says('secret deploy'), '***]s', 'it would hold one')
  assert.equal(says('deploy]]s'), '***]s', 'it would begin one')
})

test('random secrets, texts and cuts: no form survives, and cuts make no difference', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = randomFrom(seed)
    const alphabet = ['ab', 'abc-', 'ABCDEFGHIJKLMNOP/+=', 'abcdefgh ä\n'][seed % 4] ?? ''
    const secrets = Array.from({ length: 1 + random.below(4) }, (_, at) =>
      secret(`S${at}`, random.text(1 + random.below(seed % 5 === 0 ? 300 : 20), alphabet)),
    )
    const masker = createMasker(secrets)
    if (masker === null) continue
    const forms = secrets.flatMap(({ value }) => formsOf(value))
    const noise = () =>
      [random.text(random.below(30), alphabet), '\x1b[1m', '\n', 'zzz'][random.below(4)] ?? ''
    const printed = () => {
      const form = forms[random.below(forms.length)] ?? Buffer.alloc(0)
      const cut = random.below(form.length)
      const middle = random.below(3) === 0 ? '\x1b[31;1m' : ''
      return `${form.toString('latin1', 0, cut)}${middle}${form.toString('latin1', cut)}`
    }
    const text = Array.from({ length: 12 }, () => (random.below(2) === 0 ? noise() : printed())).join('')
    const bytes = Buffer.from(text, 'latin1')
    const whole = masked(masker, bytes)
    for (const form of forms) {
      assert.ok(!whole.includes(form.toString('latin1')), `seed ${seed}: ${form} in ${whole}`)
      // Of a value with several lines, coloured inside, its lines are looked for.
      const isLine = !form.includes(10)
      if (isLine)
        assert.ok(!stripped(whole).includes(form.toString('latin1')), `seed ${seed}: ${form} coloured`)
    }
    for (let round = 0; round < 6; round++) {
      const cuts = Array.from({ length: random.below(12) }, () => random.below(bytes.length + 1))
      cuts.sort((a, b) => a - b)
      assert.equal(masked(masker, bytes, cuts), whole, `seed ${seed}, cuts ${cuts}`)
    }
    const each = Array.from({ length: bytes.length }, (_, at) => at)
    assert.equal(masked(masker, bytes, each), whole, `seed ${seed}, byte by byte`)
  }
})

test('a form that begins with what ends a sequence: the sequence stays whole, and cuts make no difference', () => {
  const say = sayingTo(maskerOf(secret('M', 'mabcdefgh')).stream())
  assert.equal(say('red \x1b[1m'), 'red ')
  assert.equal(say('ab'), '')
  assert.equal(say('\x1b[31mcdefgh\n'), '\x1b[1mab\x1b[31mcdefgh\n')
  assert.equal(say('\x1b[1mmabc\x1b[0mdefgh\n'), '\x1b[1m\x1b[0m[secret M]\n')
  const sequences = ['\x1b[31;1m', '\x1b[m', '\x1b[K', '\x1b]8;;mab\x07', '\x1b(B', '\n', '\r\n', '\x1b[1']
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomFrom(seed)
    const alphabet = ['ma', 'm1[', 'mab\x1b[1;', 'mK\r\nabAB', '\x1b\\]8;m\x07', 'abcdefghm'][seed % 6] ?? ''
    const value = random.text(5 + random.below(8), alphabet)
    const masker = createMasker([secret('S', value)])
    const forms = formsOf(Buffer.from(value)).map((form) => form.toString('latin1'))
    const printed = () => {
      const form = forms[random.below(forms.length)] ?? ''
      const cut = random.below(form.length)
      const middle = sequences[random.below(sequences.length)] ?? ''
      const start = random.below(2) === 0 ? '\x1b[1m' : (form[0] ?? '')
      return `${start}${form.slice(1, cut)}${middle}${form.slice(Math.max(cut, 1))}${random.text(2, alphabet)}`
    }
    const bytes = Buffer.from(Array.from({ length: 8 }, printed).join(''), 'latin1')
    if (masker === null) continue
    const each = Array.from({ length: bytes.length }, (_, at) => at)
    const whole = masked(masker, bytes)
    assert.equal(masked(masker, bytes, each), whole, `seed ${seed}, byte by byte`)
    for (const form of forms) assert.ok(!whole.includes(form), `seed ${seed}: ${form}`)
  }
})

test('text without a form passes byte for byte', () => {
  const masker = maskerOf(token, secret('OTHER', 'correct horse battery staple'))
  for (let seed = 1; seed <= 100; seed++) {
    const random = randomFrom(seed)
    const bytes = Buffer.from(Array.from({ length: 3_000 }, () => random.below(256)))
    const cuts = [random.below(1_000), 1_000 + random.below(1_000)]
    assert.equal(masked(masker, bytes, cuts), bytes.toString('latin1'))
  }
})

test('keeps back at most the longest form less one byte', () => {
  const long = randomFrom(7).text(500, 'abcdefghijklmnop')
  const say = sayingTo(maskerOf(secret('LONG', long)).stream())
  assert.equal(say(long.slice(0, pieceBytesMax - 1)), '')
  assert.equal(say(long.slice(pieceBytesMax - 1, pieceBytesMax)), '[secret LONG]')
  assert.equal(say(`${long.slice(pieceBytesMax)}.`), '.')
})

test('a closed masker has forgotten its secrets', () => {
  const masker = maskerOf(token)
  masker.close()
  assert.equal(masker.text('hunter2-Zx81+/q?'), 'hunter2-Zx81+/q?')
})
