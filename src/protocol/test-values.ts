// Whether a value is obviously no secret but the place for one: `changeme`, `xxx`, `<your-token>`. What is imported by the
// dozen is looked at by nobody, and a job that gets such a value fails far from where the mistake was made. Pure; may be
// overridden on purpose, so it may err on the side of asking.

export const isTestValue = (value: string): boolean => {
  const text = value.trim().toLowerCase()
  const bare = inner(text)
  if (bare.length > longestPlace) return isRepeated(bare)
  if (bare === '' || words.has(bare.replaceAll(/[\s_.-]/g, ''))) return true
  return isRepeated(bare) || asks.some((pattern) => pattern.test(bare)) || isPlaceholder(text)
}

/** Whoever writes a place for a secret writes a few words. */
const longestPlace = 256

/** As they stand in examples, without what separates their parts. */
const words: ReadonlySet<string> = new Set([
  ...['changeme', 'changethis', 'changeit', 'pleasechange', 'pleasechangeme', 'replaceme', 'replacethis'],
  ...[
    'todo',
    'fixme',
    'tbd',
    'none',
    'null',
    'nil',
    'undefined',
    'empty',
    'placeholder',
    'example',
    'sample',
  ],
  ...[
    'test',
    'testing',
    'dummy',
    'fake',
    'foo',
    'bar',
    'baz',
    'foobar',
    'secret',
    'password',
    'passwd',
    'pass',
  ],
  ...['token', 'key', 'apikey', 'mysecret', 'mypassword', 'mytoken', 'supersecret', 'topsecret', 'secretkey'],
  ...[
    'password123',
    'test123',
    'secret123',
    '123456',
    '12345678',
    '123456789',
    '1234567890',
    'abc123',
    'abcdef',
  ],
  ...['insert', 'insertkeyhere', 'goeshere', 'valuehere', 'secrethere', 'tokenhere', 'keyhere', 'redacted'],
])

/** `your-token-here`, `put_your_key_here`, `insert api key`, `my-secret-here`. */
const asks = [
  /^(?:put|insert|enter|add|paste|set|use)?[\s_.-]*your[\s_.-]/,
  /^(?:put|insert|enter|paste)[\s_.-]+(?:[a-z]+[\s_.-]+){0,4}here$/,
  /^(?:your|my|the)[\s_.-](?:[a-z]+[\s_.-]){0,4}here$/,
  /(?:^|[\s_.-])(?:change|replace)[\s_.-]?(?:me|this|it)(?:$|[\s_.!-])/,
  /^(?:todo|fixme|tbd)\b/,
]

/** One character again and again: `xxx`, `****`, `0000`. */
const isRepeated = (text: string): boolean => text.length >= 3 && [...text].every((char) => char === text[0])

/** `<token>`, `{{ token }}`, `${TOKEN}`, `[token]`, `%TOKEN%`: somebody else's template. */
const isPlaceholder = (text: string): boolean => templates.some((pattern) => pattern.test(text))
const templates = [
  /^<[a-z0-9 _.-]{1,64}>$/,
  /^\{\{[a-z0-9 _.-]{1,64}\}\}$/,
  /^\$\{[a-z0-9_]{1,64}\}$/,
  /^\[[a-z0-9 _.-]{1,64}\]$/,
  /^%[a-z0-9_]{1,64}%$/,
]

/** Without what quotes and marks stand around it. By hand: a pattern with an end tries each of many marks as the first. */
const inner = (text: string): string => {
  let [from, to] = [0, text.length]
  while (from < to && /["'`<([{\s]/.test(text.charAt(from))) from++
  while (to > from && /["'`>)\]}\s!]/.test(text.charAt(to - 1))) to--
  return text.slice(from, to)
}
