// Text in a log that looks like a credential and was not masked: nobody registered it, or it was changed on its way (experience.md
// §1.8). Who reads a log is told where, never again what. Lines are hostile: each is looked at up to a bound, every form begins where
// no letter of its own stands before it, so that no character is passed over more often than there are forms.
import { annotationLineMax } from './annotations.ts'
import { isTestValue } from './test-values.ts'

/** What it looks like, by how it is written. */
export const credentialKinds = [
  'aws_key',
  'github_token',
  'gitlab_token',
  'slack_token',
  'stripe_key',
  'google_key',
  'npm_token',
  'pypi_token',
  'sendgrid_key',
  'model_key',
  'docker_token',
  'vault_token',
  'mayfly_token',
  'private_key',
  'jwt',
  'authorization',
  'address',
  'assignment',
] as const
export type CredentialKind = (typeof credentialKinds)[number]
export type FoundCredential = { readonly kind: CredentialKind; readonly from: number; readonly to: number }

/** Whether lines of a text have to be looked at at all. */
export const mayHoldCredential = (text: string): boolean => hints.test(text)

/** In the order of the line; none overlaps another. `text` has no colours. */
export const findCredentials = (text: string): readonly FoundCredential[] => {
  if (!hints.test(text)) return []
  const line = text.length > annotationLineMax ? text.slice(0, annotationLineMax) : text
  const found = [...ofForms(line), ...ofHeaders(line), ...ofAddresses(line), ...ofAssignments(line)]
  return apart(found.filter(({ from, to }) => from < to))
}

type Form = { readonly kind: CredentialKind; readonly pattern: RegExp }

/** What may not stand before a form: with it no two tries begin in one run of letters. */
const start = '(?<![A-Za-z0-9_-])'
const form = (kind: CredentialKind, body: string): Form => ({
  kind,
  pattern: new RegExp(`${start}${body}(?![A-Za-z0-9_-])`, 'g'),
})

/** By what their issuers begin them with. */
const forms: readonly Form[] = [
  form('aws_key', '(?:AKIA|ASIA)[A-Z2-7]{16}'),
  form('github_token', '(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})'),
  form('gitlab_token', 'gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,255}'),
  form('slack_token', 'xox[abeoprs]-[A-Za-z0-9-]{20,255}'),
  form('stripe_key', '[rs]k_live_[A-Za-z0-9]{20,255}'),
  form('google_key', 'AIza[A-Za-z0-9_-]{35}'),
  form('npm_token', 'npm_[A-Za-z0-9]{36}'),
  form('pypi_token', 'pypi-AgE[A-Za-z0-9_-]{50,1000}'),
  form('sendgrid_key', 'SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}'),
  form('model_key', 'sk-(?:ant|proj|svcacct)-[A-Za-z0-9_-]{32,255}'),
  form('docker_token', 'dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,64}'),
  form('vault_token', 'hv[bs]\\.[A-Za-z0-9_-]{24,1000}'),
  form('mayfly_token', 'mf[psd]_[0-9A-Za-z]{49}'),
  form('jwt', 'eyJ[A-Za-z0-9_-]{10,2000}\\.eyJ[A-Za-z0-9_-]{10,2000}\\.[A-Za-z0-9_-]{20,1000}'),
  { kind: 'private_key', pattern: /-----BEGIN (?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY-----/g },
]

/** Of every form above and below a part that it cannot be without. */
const hints =
  /AKIA|ASIA|gh[pousr]_|github_pat_|gl[a-z]{2,4}-|xox[abeoprs]-|k_live_|AIza|npm_|pypi-AgE|SG\.|sk-|dckr_|hv[bs]\.|mf[psd]_|eyJ|PRIVATE KEY-----|:\/\/[^\s/:@]{1,100}:|bearer |basic |passw|passphrase|secret|token|api_?-?key|access_?-?key|private_?-?key/i

const ofForms = (line: string): readonly FoundCredential[] =>
  forms.flatMap(({ kind, pattern }) =>
    [...line.matchAll(pattern)].flatMap((match) => {
      const isReal = kind === 'private_key' || !isPlaceholder(match[0])
      return isReal ? [{ kind, from: match.index, to: match.index + match[0].length }] : []
    }),
  )

/** `Authorization: Bearer …`, as clients print it when they are asked to tell all. */
const ofHeaders = (line: string): readonly FoundCredential[] =>
  [
    ...line.matchAll(
      /(?<![a-z])authorization["']?\s?[:=]\s?["']?(?:bearer|basic|token) ([A-Za-z0-9+/=_.~-]{8,2000})/gi,
    ),
  ].flatMap((match) => valueIn('authorization', match, isSecretValue(match[1] ?? '', 8)))

/** `https://user:password@host`. */
const ofAddresses = (line: string): readonly FoundCredential[] =>
  [...line.matchAll(/:\/\/[^\s/:@'"<>]{0,100}:([^\s/:@'"<>]{3,200})@(?=[A-Za-z0-9[])/g)].flatMap((match) =>
    valueIn('address', match, !isPlaceholder(match[1] ?? ''), 1),
  )

/** Names that tell what follows; the value may stand in quotation marks. */
const names =
  /(passw(?:or)?d|passphrase|secret(?:_?-?(?:access_?-?)?key)?|token|api_?-?key|access_?-?key|private_?-?key)["']?\s{0,2}(?:=>|[:=])\s{0,2}(["']?)/gi
const values = { bare: /[^\s"'`,;(){}[\]<>&|]{1,400}/y, quoted: /[^"'`\s]{1,400}/y } as const

const ofAssignments = (line: string): readonly FoundCredential[] => {
  const found: FoundCredential[] = []
  const [scan, bare, quoted] = [new RegExp(names), new RegExp(values.bare), new RegExp(values.quoted)]
  for (let name = scan.exec(line); name !== null; name = scan.exec(line)) {
    const value = name[2] === '' ? bare : quoted
    const from = scan.lastIndex
    value.lastIndex = from
    const text = value.exec(line)?.[0] ?? ''
    // What was a value is no name again: each character is passed over once.
    scan.lastIndex = from + text.length
    const charsMin = /^pass/i.test(name[1] ?? '') ? 8 : 16
    if (isSecretValue(text, charsMin)) found.push({ kind: 'assignment', from, to: from + text.length })
  }
  return found
}

const valueIn = (
  kind: CredentialKind,
  match: RegExpExecArray,
  isReal: boolean,
  behind = 0,
): readonly FoundCredential[] => {
  const to = match.index + match[0].length - behind
  return isReal ? [{ kind, from: to - (match[1] ?? '').length, to }] : []
}

/** Of several that overlap the first of the list: a form of an issuer says more than the name before it. */
const apart = (found: readonly FoundCredential[]): readonly FoundCredential[] => {
  const kept: FoundCredential[] = []
  for (const one of found.slice(0, foundMax))
    if (kept.every(({ from, to }) => one.to <= from || one.from >= to)) kept.push(one)
  return kept.toSorted((a, b) => a.from - b.from)
}
const foundMax = 100

/** Letters and digits mixed as nobody writes them, and none of the things that also stand behind such names. */
const isSecretValue = (text: string, charsMin: number): boolean =>
  text.length >= charsMin &&
  /[0-9]/.test(text) &&
  /[A-Za-z]/.test(text) &&
  !isPlaceholder(text) &&
  !harmless.some((one) => one.test(text)) &&
  bitsPerChar(text) >= 2.5

const harmless: readonly RegExp[] = [
  // Digests of integrity, which are printed to be compared.
  /^sha(?:1|256|384|512)[-:]/i,
  // A UUID names something.
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  // A path, an address, a date, a version, a size.
  /^(?:~|\.{0,2}\/|[A-Za-z]:\\)/,
  /^[a-z][a-z0-9+.-]{1,20}:\/\//i,
  /^\d{4}-\d{2}-\d{2}/,
  /^[\^~v]?\d{1,9}(?:\.\d{1,9}){1,3}/,
  // Code: a property, a name in snake or kebab case, a call, a place in a file.
  /^[A-Za-z_$][\w$]{0,60}(?:\.[A-Za-z_$][\w$]{0,60}){1,8}$/,
  /^[a-z]{1,20}[0-9]{0,4}(?:[_-](?:[a-z]{1,20}[0-9]{0,4}|[0-9]{1,4})){1,20}$/i,
  /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|ya?ml|json|txt|pem|key)(?::\d+)*$/i,
]

/** The place for one, or what is left of one: variables, templates, masks, examples, rows of one letter. */
const isPlaceholder = (text: string): boolean =>
  isTestValue(text) ||
  /\$|\{\{|\*\*|\u2022\u2022|\.\.\.|\u2026|%[A-Z_]{2,40}%|^\[secret/.test(text) ||
  /example|placeholder|redacted|changeme|your[_-]|dummy|x{6}|0{8}|12345678|abcdefgh/i.test(text) ||
  new Set(text).size < Math.min(6, text.length)

const bitsPerChar = (text: string): number => {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
