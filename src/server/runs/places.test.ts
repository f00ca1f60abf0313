import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId } from '../../base/ids.ts'
import type { NewId } from '../new-id.ts'
import { createPlaces, type Given, withPlacing } from './places.ts'

const createParts = () => {
  let count = 0
  const bytes = () => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? ++count : 0))
  const newId: NewId = (kind) => formatId(kind, bytes())
  const places = createPlaces(newId)
  const runner = newId('runner')
  const told: string[] = []
  const offer = (free: Record<string, number>, max: number) =>
    places.offer({
      runner,
      runnerName: 'one',
      session: 3,
      free,
      max,
      compiler: 'c',
      onGiven: () => told.push('given'),
    })
  return { places, runner, told, offer }
}

const leasesOf = (given: readonly Given[]) => given.map(({ lease }) => lease)

test('places are taken as far as class and number go, and are told once they are given', async () => {
  const { places, runner, told, offer } = createParts()
  const poll = offer({ small: 2, large: 1 }, 2)
  const placing = places.placing()
  const first = placing.take('small')
  assert.deepEqual([first?.runner, first?.session], [runner, 3])
  assert.equal(placing.take('built-in'), null)
  const second = placing.take('large')
  assert.equal(placing.take('small'), null, 'the poll takes two attempts in all')
  assert.deepEqual(told, [])
  placing.give()
  assert.equal(told.length, 2)
  assert.deepEqual(leasesOf(await poll.close()), [first?.id, second?.id])
})

test('what is released can be taken again, and a closed poll offers nothing', async () => {
  const { places, offer } = createParts()
  const poll = offer({ small: 1 }, 1)
  const first = places.placing()
  assert.ok(first.take('small'))
  assert.equal(places.placing().take('small'), null)
  first.release()
  assert.ok(first.take('small'))
  first.release()
  assert.deepEqual(await poll.close(), [])
  assert.equal(first.take('small'), null)
})

test('a poll that closes waits for what is under way, and no longer', async () => {
  const { places, offer } = createParts()
  const poll = offer({ small: 2 }, 2)
  const [committed, failed] = [places.placing(), places.placing()]
  const place = committed.take('small')
  assert.ok(failed.take('small'))
  let closed: readonly string[] | null = null
  const closing = poll.close().then((leases) => {
    closed = leasesOf(leases)
  })
  committed.give()
  await Promise.resolve()
  assert.equal(closed, null)
  failed.release()
  await closing
  assert.deepEqual(closed, [place?.id])
})

test('withPlacing gives back what its work did not give, also when it throws', async () => {
  const { places, offer } = createParts()
  const poll = offer({ small: 1 }, 1)
  await assert.rejects(
    withPlacing(places, async (placing) => {
      assert.ok(placing.take('small'))
      throw new Error('no commit')
    }),
    /no commit/,
  )
  const place = await withPlacing(places, async (placing) => {
    const taken = placing.take('small')
    placing.give()
    return taken
  })
  assert.deepEqual(leasesOf(await poll.close()), [place?.id])
})
