// What somebody types when adding a project: a name guessed from the address, and the same checks the API makes, so
// that the answer is there before the request. Pure.

export const projectNamePattern = /^[a-z0-9][a-z0-9-]*$/

/** `git@host:acme/Web_App.git` → `web-app`; empty when nothing can be guessed. */
export const guessName = (address: string): string => {
  const last = address.trim().replace(/\/+$/, '').split(/[/:]/).at(-1) ?? ''
  return last
    .replace(/\.git$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
}

/** The API asks for a full ref or a name; an empty branch is left to the server. */
export const optionalBranch = (text: string): { readonly default_branch?: string } =>
  text.trim() === '' ? {} : { default_branch: text.trim() }
