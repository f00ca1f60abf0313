import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRefs } from './refs.ts'

const commit = 'a'.repeat(40)
const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIFZ71ANOaYlZcY7uxm3nq7Cv/6IrhZArUq9UpflFRsQ7'

test('host keys get the name that people know and the fingerprint that OpenSSH prints', () => {
  const text = `key [source.mayfly.internal]:2222 ssh-ed25519 ${key}\nkey [x]:1 ssh-dss AAAA\nkey broken\n`
  assert.deepEqual(parseRefs(Buffer.from(text), '[code.example]:2222').hostKeys, [
    {
      line: `[code.example]:2222 ssh-ed25519 ${key}`,
      fingerprint: 'SHA256:aECc0Oy6l7Vd8zRZnVmOLrTrEP1OND2SzlESU26YYR4',
    },
  ])
})

test('branches and tags are listed, an annotated tag with the commit it means, other lines not at all', () => {
  const tagged = 'b'.repeat(40)
  const text = [
    `${commit}\trefs/heads/main`,
    `${'c'.repeat(40)}\trefs/tags/v1`,
    `${tagged}\trefs/tags/v1^{}`,
    `${commit}\trefs/pull/1/head`,
    `${commit}\trefs/heads/\u0007bell`,
    'fatal: something',
  ].join('\n')
  assert.deepEqual(parseRefs(Buffer.from(text), 'x').refs, [
    { ref: 'refs/heads/main', commit },
    { ref: 'refs/tags/v1', commit: tagged },
  ])
})
