// Programs of a person without root, in a user namespace of their own: there, and nowhere else, they may make namespaces,
// mounts and networks. And why this machine may refuse it, with the command that changes that.
import { readFileSync } from 'node:fs'

export type NoUserNamespaces = { readonly why: string; readonly fix: string }

/** What only root can switch on again: name, the value that forbids, and the command. */
const switches: readonly (readonly [name: string, forbids: string, fix: string])[] = [
  ['user.max_user_namespaces', '0', 'sysctl -w user.max_user_namespaces=10000'],
  ['kernel.unprivileged_userns_clone', '0', 'sysctl -w kernel.unprivileged_userns_clone=1'],
  [
    'kernel.apparmor_restrict_unprivileged_userns',
    '1',
    'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
]

/** Null where nothing is known to forbid them; `root` is only kept from them by the first. */
export const findNoUserNamespaces = (
  isRoot: boolean,
  read: (path: string) => string | null = readWord,
): NoUserNamespaces | null => {
  for (const [name, forbids, fix] of isRoot ? switches.slice(0, 1) : switches) {
    if (read(`/proc/sys/${name.replaceAll('.', '/')}`) !== forbids) continue
    return { why: `user namespaces are switched off (${name} = ${forbids})`, fix: `as root: ${fix}` }
  }
  return null
}

/**
 * The command with every capability over a new user namespace, whose one user is the caller under his own number. Outside
 * of it the program may do what the caller may, and no more.
 */
export const inUserNamespace = (command: readonly string[]): readonly string[] => [
  ...['unshare', '--user', '--map-current-user', '--keep-caps', '--'],
  ...command,
]

const readWord = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}
