// What nests are made of: modes that do not depend on a umask, our own words instead of the host's, and binds for what is
// large and public.
import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Bind, prepareBase } from './base.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-base-'))
after(() => rmSync(directory, { recursive: true }))
const base = join(directory, 'base')
const modeOf = (path: string) => (statSync(join(base, path)).mode & 0o7777).toString(8)

let binds: readonly Bind[] = []

before(async () => {
  const umask = process.umask(0o077)
  // Twice: what an earlier life left is in nobody's way.
  await prepareBase(base, null)
  binds = await prepareBase(base, import.meta.filename)
  process.umask(umask)
})

test('everybody may pass through, temp is sticky, steps have FIFOs of their own', () => {
  assert.deepEqual(
    ['', 'copied/nest/root', 'copied/nest/root/home/ci', 'etc/ssl', 'etc/passwd'].map(modeOf),
    [...['711', '755', '755', '755', '644']],
  )
  assert.deepEqual(
    ['tmp', 'var/tmp', 'run/lock'].map((name) => modeOf(`copied/nest/root/${name}`)),
    [...['1777', '1777', '1777']],
  )
  assert.equal(readlinkSync(join(base, 'copied/nest/root/bin')), readlinkSync('/bin'))
  assert.equal(modeOf('copied/nest/sets/job/0/s'), '777')
  const fifo = lstatSync(join(base, 'copied/nest/sets/job/1/pro'))
  assert.ok(fifo.isFIFO())
  assert.equal(fifo.mode & 0o777, 0o666)
  assert.equal(modeOf('copied'), '700', 'nobody but root gets near what everybody may write in a nest')
})

test('users, hosts and trust are ours; certificates are bound read-only, not copied', () => {
  assert.match(readFileSync(join(base, 'etc/passwd'), 'utf8'), /^root:.*\nci:x:1000:.*\nnobody:.*\n$/)
  assert.equal(
    readFileSync(join(base, 'etc/mayfly/ca.pem'), 'utf8'),
    readFileSync(import.meta.filename, 'utf8'),
  )
  assert.deepEqual(binds.slice(0, 2), [
    { from: '/usr', at: 'usr' },
    { from: join(base, 'etc'), at: 'etc' },
  ])
  for (const { from, at } of binds.slice(2)) {
    assert.match(from, /^\/etc\/(alternatives|ld\.so\.conf\.d|ssl\/certs)$/)
    assert.equal(at, from.slice(1))
    assert.ok(lstatSync(join(base, at)).isDirectory(), 'there is a place to mount on')
  }
})
