// The loop that sends: awake when this process has written something, and every few seconds for what others wrote, what is
// due again and what a server that ended left behind. A target that is slow keeps its own places busy and nobody else's.
import type { WebhookId } from '../../base/ids.ts'
import type { Database } from '../db/database.ts'
import { limits } from '../limits.ts'
import { type Claimed, claimDue, type SendDeps, sendOne } from './send.ts'

export type Sender = { close(): Promise<void> }

export const openSender = (
  deps: Omit<SendDeps, 'db' | 'stopping'> & { readonly database: Database },
): Sender => {
  const stopping = new AbortController()
  const parts: SendDeps = { ...deps, db: deps.database.db, stopping: stopping.signal }
  const underWay = new Map<Promise<void>, WebhookId>()
  let isClosed = false
  let look: Promise<void> | null = null
  let isWanted = false
  const start = (claimed: Claimed) => {
    const sending = sendOne(parts, claimed).finally(() => {
      underWay.delete(sending)
      wake()
    })
    underWay.set(sending, claimed.webhook)
  }
  const lookNow = async () => {
    while (isWanted && !isClosed && underWay.size < limits.webhooks.atOnce) {
      isWanted = false
      const started = [...underWay.values()]
      const places = { count: limits.webhooks.atOnce - underWay.size, busy: busyOf(started), started }
      for (const claimed of await claimDue(parts, places)) start(claimed)
    }
  }
  const wake = () => {
    isWanted = true
    if (isClosed) return
    look ??= lookNow()
      .catch((error: unknown) => deps.log.warn('no look at what webhooks are due', { error }))
      .finally(() => {
        look = null
      })
  }
  const stop = deps.database.listen('mayfly_webhooks', wake)
  const timer = setInterval(wake, limits.webhooks.lookEveryMs)
  wake()
  return {
    close: async () => {
      isClosed = true
      stopping.abort('the server ends')
      stop()
      clearInterval(timer)
      await look
      await Promise.all(underWay.keys())
    },
  }
}

/** Those that have enough under way. What a look gives one more than that is bounded, too. */
const busyOf = (all: Iterable<WebhookId>): readonly WebhookId[] => {
  const counts = new Map<WebhookId, number>()
  for (const webhook of all) counts.set(webhook, (counts.get(webhook) ?? 0) + 1)
  return [...counts].flatMap(([webhook, count]) =>
    count >= limits.webhooks.atOncePerTarget ? [webhook] : [],
  )
}
