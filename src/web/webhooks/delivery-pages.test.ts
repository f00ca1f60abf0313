import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WebhookDelivery } from '../../protocol/api/webhooks.ts'
import { type DeliveryPage, withNewest, withOlder } from './delivery-pages.ts'

const delivery = (n: number, event = 'ping'): WebhookDelivery => ({
  ...{ id: `msg_${String(n).padStart(4, '0')}`, event, at: '', state: 'delivered', status: null, run: null },
  ...{ job: null, tries: 1, last: null, next_at: null },
})
/** From `from` down to `to`; more follow unless it ends at 1. */
const page = (from: number, to: number, event = 'ping'): DeliveryPage => ({
  items: Array.from({ length: from - to + 1 }, (_, i) => delivery(from - i, event)),
  next_cursor: to === 1 ? null : delivery(to).id,
})
const numbers = ({ items }: DeliveryPage) => items.map(({ id }) => Number(id.slice(4)))

test('older deliveries follow the newest, and stay when these are looked at again', () => {
  const both = withOlder(page(9, 7), page(6, 4))
  assert.deepEqual([numbers(both), both.next_cursor], [[9, 8, 7, 6, 5, 4], 'msg_0004'])
  const later = withNewest(both, page(10, 8, 'again'))
  assert.deepEqual([numbers(later), later.next_cursor], [[10, 9, 8, 7, 6, 5, 4], 'msg_0004'])
  assert.deepEqual(
    later.items.slice(0, 4).map(({ event }) => event),
    ['again', 'again', 'again', 'ping'],
  )
})

test('what would leave a gap, or is not there any more, goes', () => {
  const both = withOlder(page(6, 4), page(3, 1))
  assert.deepEqual(numbers(withNewest(both, page(12, 8))), [12, 11, 10, 9, 8])
  assert.deepEqual(numbers(withNewest(both, page(6, 6))), [6, 5, 4, 3, 2, 1])
  assert.deepEqual(numbers(withNewest(both, { ...page(6, 5), next_cursor: null })), [6, 5])
  assert.deepEqual(numbers(withNewest(null, page(3, 1))), [3, 2, 1])
  assert.deepEqual(numbers(withNewest(both, { items: [], next_cursor: null })), [])
})
