// Where a project's code comes from, as a person wrote it: `ssh://[user@]host[:port]/path`, `user@host:path`, or a
// directory below one that the operator named. Strict: what is not exactly one of these forms is refused in words.
import { realpath } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { ProjectInput } from '../../protocol/api/shapes.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import { resolveInside } from '../../sys/index.ts'

export const parseSource = (input: ProjectInput['source'], roots: readonly string[]): Promise<Source> =>
  input.kind === 'ssh' ? Promise.resolve(parseSshAddress(input.url)) : parseLocalPath(input.path, roots)

const defaultUser = 'git'
const hostForm = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:]{2,45}\])$/
const userForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/
/** No white space, quotes, control characters or escapes; `~` and `%` are ordinary, letters may be of any script. */
const pathForm = /^[\p{L}\p{N}._~/+@%=,-]{1,512}$/u

export const parseSshAddress = (url: string): Source => {
  const match =
    /^ssh:\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^@/:[\]]*)(?::(\d{1,5}))?(\/.*)$/.exec(url) ??
    /^(?:([^@/:]*)@)(\[[^\]/]*\]|[^@/:[\]]*)():((?!\/\/).*)$/.exec(url)
  if (match === null)
    throw refused('Write ssh://user@host/path or user@host:path; other addresses are not supported')
  const [, user = defaultUser, host = '', portText, path = ''] = match
  if (user.includes(':')) throw refused('An address must not contain a password')
  if (!userForm.test(user)) throw refused('The user in the address is not valid')
  if (!hostForm.test(host)) throw refused('The host in the address is not valid')
  const port = portText ? Number(portText) : 22
  if (port < 1 || port > 65_535) throw refused('The port in the address is not valid')
  if (!isPlainPath(path)) throw refused('The path in the address is not valid')
  return { kind: 'ssh', url, host: host.replace(/^\[|\]$/g, ''), port, user, path }
}

/** Neither an option of a program nor a way out of where it points. */
const isPlainPath = (path: string): boolean =>
  pathForm.test(path) && path !== '/' && !path.startsWith('-') && !path.split('/').includes('..')

const parseLocalPath = async (path: string, roots: readonly string[]): Promise<Source> => {
  if (!path.startsWith('/') || path.includes('\0')) throw refused('The directory must be an absolute path')
  const root = roots.findIndex((candidate) => isBelow(candidate, path))
  const base = roots[root]
  if (base === undefined || !(await staysBelow(base, path)))
    throw fault('E_SOURCE_NOT_ALLOWED', {
      public: `Only repositories below ${roots.join(', ')} are allowed; the operator names more: mayfly up --local-repos DIR`,
    })
  return { kind: 'local', root, path: relative(base, path) || '.' }
}

const isBelow = (root: string, path: string): boolean =>
  resolveInside(root, relative(root, path)) !== null && !relative(root, path).startsWith(`..${sep}`)

/** A link may lead elsewhere. What we may not look into is judged by its name; the runner's mount decides again. */
const staysBelow = async (root: string, path: string): Promise<boolean> => {
  try {
    return isBelow(await realpath(root), await realpath(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return true
    throw refused(`There is no directory ${path}`)
  }
}

const refused = (text: string) => fault('E_INPUT', { public: text })
