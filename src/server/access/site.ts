// Where people reach this installation, taken apart once: links, cookies, origins and passkeys all depend on it.
// Known only after the listener has its port, so parts take `() => Site`.

export type Site = {
  /** Without a trailing slash. */
  readonly url: string
  /** What a browser sends as `Origin`. */
  readonly origin: string
  /** Name and port, as in a `Host` header. */
  readonly host: string
  /** The relying party of passkeys: the name without a port. */
  readonly hostname: string
  readonly secure: boolean
}

export const parseSite = (publicUrl: string): Site => {
  const url = new URL(publicUrl)
  return {
    url: url.origin + url.pathname.replace(/\/+$/, ''),
    origin: url.origin,
    host: url.host,
    hostname: url.hostname,
    secure: url.protocol === 'https:',
  }
}
