import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import type { Actor } from '../access/actor.ts'
import { limits } from './limits.ts'
import { createSeats } from './seats.ts'

// SAFE: seats look at nothing else of an actor.
const person = (session: string) => ({ kind: 'user', session }) as Actor

test('one credential fills its own seats only, and a left seat is free again', () => {
  const take = createSeats()
  const leave = Array.from({ length: limits.connectionsPerCredential }, () => take(person('ses_a')))
  const isFull = (actor: Actor) =>
    assert.throws(
      () => take(actor),
      (error) => isFault(error, 'E_RATE_LIMIT'),
    )
  isFull(person('ses_a'))
  take(person('ses_b'))
  leave[0]?.()
  take(person('ses_a'))
  isFull(person('ses_a'))
})

test('all together never have more than the server has', () => {
  const take = createSeats()
  for (let i = 0; i < limits.connections; i++) take(person(`ses_${i}`))
  assert.throws(
    () => take(person('ses_last')),
    (error) => isFault(error, 'E_RATE_LIMIT'),
  )
})
