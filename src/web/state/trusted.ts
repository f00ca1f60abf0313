// The one Trusted Types policy of ours: it makes URLs of scripts, only for files below /assets of this origin.

type ScriptPolicy = { readonly createScriptURL: (url: string) => string }
type PolicyFactory = {
  readonly createPolicy: (name: string, rules: ScriptPolicy) => ScriptPolicy
}

const rules: ScriptPolicy = {
  createScriptURL: (url) => {
    const { origin, pathname } = new URL(url, globalThis.location.href)
    if (origin !== globalThis.location.origin || !pathname.startsWith('/assets/'))
      throw new TypeError(`not a script of ours: ${url}`)
    return url
  },
}

// Browsers without Trusted Types do not enforce the header either; the check above holds for both.
const factory = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes

export const scriptPolicy: ScriptPolicy = factory?.createPolicy('mayfly', rules) ?? rules
