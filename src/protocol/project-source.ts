// Where the source of a project lies: an address that Git takes, together with the parts that the vault pins host keys for; or a
// directory of the runner's own machine.
import { either, hasTag, integer, object, oneOf, type Shaped, text, where } from '../base/shape.ts'

/** Words and names: no control characters, nothing that could be an option of a program. */
export const word = text({ max: 256, form: /^[^\p{C}\s-][^\p{C}]*$/u })

/** An OpenSSH host key: a line of known_hosts or of ssh-keyscan, or only `<type> <base64>`. */
export const hostKeyLine = text({
  max: 2048,
  form: /^([^\s\p{C}-][^\s\p{C}]* )?(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]{40,}={0,2}$/u,
})

const sshSource = where(
  object({
    kind: oneOf('ssh'),
    url: word,
    host: text({ max: 253, form: /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]+)$/ }),
    port: integer({ min: 1, max: 65_535 }),
    user: text({ max: 64, form: /^[A-Za-z0-9_][A-Za-z0-9._-]*$/ }),
    path: word,
  }),
  (source) => urlAgrees(source),
  'the address and its parts do not agree',
)
const localSource = object({ kind: oneOf('local'), root: integer({ min: 0, max: 1000 }), path: word })
export const source = either(hasTag('kind', 'ssh'), sshSource, localSource)
export type ProjectSource = Shaped<typeof source>

/**
 * Git connects to what `url` says, host keys are pinned for what the parts say: they must be the same place.
 * Forms: `ssh://[user@]host[:port]/path` and `[user@]host:path`.
 */
const urlAgrees = (parts: {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly path: string
}): boolean => {
  const match =
    /^ssh:\/\/(?:([^@/:]+)@)?(\[[^\]]+\]|[^@/:]+)(?::(\d+))?\/(.*)$/.exec(parts.url) ??
    /^(?:([^@/:]+)@)?(\[[^\]]+\]|[^@/:]+)():(?!\/\/)(.*)$/.exec(parts.url)
  if (match === null) return false
  const [, user, host = '', port, path = ''] = match
  return (
    (user === undefined || user === parts.user) &&
    host.replace(/^\[|\]$/g, '').toLowerCase() === parts.host.toLowerCase() &&
    Number(port || 22) === parts.port &&
    path.replace(/^\/+/, '') === parts.path.replace(/^\/+/, '')
  )
}
