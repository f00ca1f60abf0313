import assert from 'node:assert/strict'
import { test } from 'node:test'
import { productPackages } from './packages.ts'

test('each PostgreSQL that is started counts as installed, and no older one', () => {
  const proof = productPackages.find(({ name }) => name === 'postgresql-15')?.proof ?? []
  const counts = [13, 14, 15, 16, 17, 18].filter((major) =>
    proof.includes(`/usr/lib/postgresql/${major}/bin/postgres`),
  )
  assert.deepEqual(counts, [15, 16, 17, 18])
})
