// The runner's own client against the server of `openParts`: for tests of what one runner asks in the middle of a job.
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { createRequests, type Requests } from '../../src/runner/session/requests.ts'
import { randomBytes, systemClock } from '../../src/sys/index.ts'
import type { enrolRunner, Parts } from './parts.ts'

/** Signed by this runner; closed after the tests of the file. */
export const runnerRequests = (
  parts: Parts,
  { id, key }: Awaited<ReturnType<typeof enrolRunner>>,
): Requests => {
  const tls = new X509Certificate(readFileSync(join(parts.directory, 'tls.crt')))
  const spki = tls.publicKey.export({ type: 'spki', format: 'der' })
  const privateKey = createPrivateKey({ key: Buffer.from(key.pkcs8), format: 'der', type: 'pkcs8' })
  const requests = createRequests({
    url: `https://127.0.0.1:${parts.runnerPort}`,
    spkiSha256: createHash('sha256').update(spki).digest('base64url'),
    runner: id,
    sign: (message) => sign(null, message, privateKey),
    ...{ clock: systemClock, randomBytes },
  })
  after(() => requests.close())
  return requests
}
