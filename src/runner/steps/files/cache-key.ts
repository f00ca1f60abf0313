// Keys of caches as they are written: text with `{{ … }}` parts that are filled in when the step runs
// (config-dialects.md §2.13). What is no such part fails the step, as the platform's own template language does.

export type KeyFacts = {
  readonly branch: string | null
  readonly revision: string
  readonly buildNumber: number
  /** The fingerprint of the key that the source is cloned with; null: it needs none. */
  readonly checkoutKey: string | null
  readonly nowSeconds: number
  /** Built-in variables of the job, and digests of its secrets: never their values. */
  readonly variables: ReadonlyMap<string, string>
  /** base64 of SHA-256; null: there is no such file. */
  readonly checksum: (path: string) => Promise<string | null>
}

export type FilledKey =
  | { readonly ok: true; readonly key: string }
  | { readonly ok: false; readonly message: string }

export const fillKey = async (template: string, facts: KeyFacts): Promise<FilledKey> => {
  let key = ''
  let at = 0
  for (const { index, 0: whole, 1: inside = '' } of template.matchAll(/\{\{([^{}]*)\}\}/g)) {
    const text = await partOf(inside.trim().replace(/^-|-$/g, '').trim(), facts)
    if (!text.ok) return text
    key += template.slice(at, index) + text.key
    at = index + whole.length
  }
  key += template.slice(at)
  return /\{\{|\}\}/.test(template.replaceAll(/\{\{[^{}]*\}\}/g, ''))
    ? { ok: false, message: `the key "${template}" has a "{{" or "}}" without its other half` }
    : { ok: true, key }
}

const noValue = '<no value>'
/** Stable per kind of machine. */
const archWord = `linux-${{ x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64'] ?? process.arch}`

const partOf = async (inside: string, facts: KeyFacts): Promise<FilledKey> => {
  const [, path] =
    /^checksum\s+"((?:[^"\\]|\\.)*)"$/.exec(inside) ?? /^checksum\s+`([^`]*)`$/.exec(inside) ?? []
  if (path !== undefined) {
    const sum = await facts.checksum(path.replaceAll(/\\(.)/g, '$1'))
    return sum === null
      ? { ok: false, message: `there is no file "${path}" for its checksum` }
      : { ok: true, key: sum }
  }
  const [, variable] = /^\.Environment\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(inside) ?? []
  if (variable !== undefined) return { ok: true, key: facts.variables.get(variable) ?? noValue }
  const known: Readonly<Record<string, string>> = {
    '.Branch': facts.branch ?? noValue,
    '.Revision': facts.revision,
    '.BuildNum': String(facts.buildNumber),
    '.CheckoutKey': facts.checkoutKey ?? noValue,
    epoch: String(facts.nowSeconds),
    arch: archWord,
  }
  return Object.hasOwn(known, inside)
    ? { ok: true, key: known[inside] ?? '' }
    : { ok: false, message: `"{{ ${inside} }}" is nothing that a key knows` }
}
