// Deliveries of a target on the page: the newest, which are looked at again and again, and the older ones that somebody asked
// for. Ids sort as their deliveries were made.
import type { WebhookDelivery } from '../../protocol/api/webhooks.ts'

export type DeliveryPage = {
  readonly items: readonly WebhookDelivery[]
  readonly next_cursor: string | null
}

/** A look at the newest: what stood below them stays, unless something in between is not there. */
export const withNewest = (before: DeliveryPage | null, fresh: DeliveryPage): DeliveryPage => {
  const oldest = fresh.items.at(-1)
  if (before === null || oldest === undefined || fresh.next_cursor === null) return fresh
  const isJoined = before.items.some(({ id }) => id === oldest.id)
  const below = isJoined ? before.items.filter(({ id }) => id < oldest.id) : []
  return below.length === 0 ? fresh : { items: [...fresh.items, ...below], next_cursor: before.next_cursor }
}

export const withOlder = (before: DeliveryPage, older: DeliveryPage): DeliveryPage => ({
  items: [...before.items, ...older.items.filter(({ id }) => !before.items.some((one) => one.id === id))],
  next_cursor: older.next_cursor,
})
