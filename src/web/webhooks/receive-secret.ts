// The secret of a webhook comes sealed to a key made in this browser for this one answer, as that of a hook does. Neither the
// server nor a proxy sees it; the private key is gone with the page.
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { parseId } from '../../base/ids.ts'
import type { WebhookCreated } from '../../protocol/api/webhooks.ts'
import { openWebhookSecret } from '../../seal/index.ts'
import { makeReplyKey } from '../state/reply-key.ts'

/** `ask` sends the public key and gets the sealed answer. null: it does not open. */
export const receiveWebhookSecret = async (
  ask: (eph: string) => Promise<WebhookCreated>,
): Promise<{ readonly made: WebhookCreated; readonly secret: string | null }> => {
  const key = await makeReplyKey()
  const made = await ask(toBase64Url(key.publicKey))
  const sealed = fromBase64Url(made.secret_sealed)
  const id = parseId('webhook', made.webhook.id)
  const secret = sealed === null || id === null ? null : await openWebhookSecret(key, sealed, id)
  return { made, secret: secret === null ? null : utf8Decode(secret) }
}
