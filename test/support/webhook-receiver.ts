// Somebody who receives webhooks, on a port of loopback: keeps what came, and answers what the test says. What it believes is
// what docs/guides/tell-others.md says to do, from the code of that page itself.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export type Received = {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly at: number
}
export type Answer = (response: ServerResponse, received: Received) => void

export type Receiver = Awaited<ReturnType<typeof openReceiver>>

export const ok: Answer = (response) => void response.end('thanks')

export const openReceiver = async (answer: Answer = ok) => {
  const state = { answer }
  const received: Received[] = []
  const server = createServer((request, response) => {
    void take(request).then((one) => {
      received.push(one)
      state.answer(response, one)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...{ received, port, url: `http://127.0.0.1:${port}/hook`, allow: `127.0.0.0/8:${port}` },
    answers: (next: Answer) => {
      state.answer = next
    },
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const take = async (request: IncomingMessage): Promise<Received> => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  return { headers, body: Buffer.concat(chunks).toString('utf8'), at: Date.now() }
}

/** Fails when what came was not made with these keys, both ways. */
export const believe = async (
  { headers, body }: Received,
  made: { readonly webhook: { readonly public_key: string }; readonly secret: string },
): Promise<void> => {
  const { verifySecret, verifyPublicKey } = await guideCode()
  assert.ok(verifySecret(headers, body, made.secret), 'v1')
  assert.ok(verifyPublicKey(headers, body, made.webhook.public_key), 'v1a')
}

type Verify = (headers: Received['headers'], body: string, key: string, nowMs?: number) => boolean

/** The functions of the guide, as somebody would copy them from there. */
export const guideCode = async (): Promise<{
  readonly verifySecret: Verify
  readonly verifyPublicKey: Verify
}> => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/tell-others.md'), 'utf8')
  const [, code = ''] = /```js\n([\s\S]*?)\n```/.exec(guide) ?? []
  return import(`data:text/javascript,${encodeURIComponent(code)}`)
}
