// A certificate that nobody believes, made for a test: signed by its own key, good for two days.
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** `tls.key` and `tls.crt` in a directory, and what is in them (PEM). */
export const makeCertificate = async (
  directory: string,
  name = 'localhost',
): Promise<{ readonly key: string; readonly cert: string }> => {
  const [key, cert] = [join(directory, 'tls.key'), join(directory, 'tls.crt')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert], {
    ...{ stdio: ['ignore', 'ignore', 'pipe'], timeout: 30_000 },
  })
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}
