// What nests are made of: modes that do not depend on a umask, our own words instead of the host's, and binds for what is
// large and public.
import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { prepareBase } from './base.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-base-'))
after(() => rmSync(directory, { recursive: true }))
const base = join(directory, 'base')
const modeOf = (path: string) => (statSync(join(base, path)).mode & 0o7777).toString(8)

before(async () => {
  const umask = process.umask(0o077)
  // Twice: what an earlier life left is in nobody's way.
  await prepareBase(base, null)
  await prepareBase(base, import.meta.filename)
  process.umask(umask)
})

test('everybody may pass through, temp is sticky, steps have FIFOs of their own', () => {
  assert.deepEqual(['', 'nest/root', 'nest/root/home/ci', 'etc/ssl', 'etc/passwd'].map(modeOf), [
    ...['711', '755', '755', '755', '644'],
  ])
  assert.deepEqual(
    ['tmp', 'var/tmp', 'run/lock'].map((name) => modeOf(`nest/root/${name}`)),
    [...['1777', '1777', '1777']],
  )
  assert.equal(readlinkSync(join(base, 'nest/root/bin')), readlinkSync('/bin'))
  assert.equal(modeOf('nest/sets/job/0/s'), '700')
  const fifo = lstatSync(join(base, 'nest/sets/job/1/pro'))
  assert.ok(fifo.isFIFO())
  assert.equal(fifo.mode & 0o777, 0o600)
})

test('users, hosts and trust are ours; certificates are bound read-only, not copied', () => {
  assert.match(readFileSync(join(base, 'etc/passwd'), 'utf8'), /^root:.*\nci:x:1000:.*\nnobody:.*\n$/)
  assert.equal(
    readFileSync(join(base, 'etc/mayfly/ca.pem'), 'utf8'),
    readFileSync(import.meta.filename, 'utf8'),
  )
  const binds = readFileSync(join(base, 'fstab'), 'utf8').trim().split('\n')
  assert.deepEqual(binds.slice(0, 2), [
    '/usr root/usr none bind,ro 0 0',
    `${base}/etc root/etc none bind,ro 0 0`,
  ])
  for (const bind of binds.slice(2)) {
    const [, name] = /^\/etc\/(\S+) root\/etc\/\1 none bind,ro 0 0$/.exec(bind) ?? []
    assert.ok(name === 'alternatives' || name === 'ld.so.conf.d' || name === 'ssl/certs', bind)
    assert.ok(lstatSync(join(base, 'etc', name)).isDirectory(), 'there is a place to mount on')
  }
})
