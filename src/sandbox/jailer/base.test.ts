// What nests are made of: modes that do not depend on a umask, our own words instead of the host's, and binds for what is
// large and public.
import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Bind, prepareBase, skeletonOfNest } from './base.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-base-'))
after(() => rmSync(directory, { recursive: true }))
const base = join(directory, 'base')
const modeOf = (path: string) => (statSync(join(base, path)).mode & 0o7777).toString(8)

let binds: readonly Bind[] = []

before(() => {
  const umask = process.umask(0o077)
  // Twice: what an earlier life left is in nobody's way.
  prepareBase(base, null, false)
  binds = prepareBase(base, import.meta.filename, false)
  process.umask(umask)
})

test('everybody may pass through, temp is sticky, steps have FIFOs of their own', () => {
  assert.deepEqual(['', 'etc/ssl', 'etc/passwd'].map(modeOf), ['711', '755', '644'])
  const skeleton = skeletonOfNest(false)
  for (const name of ['tmp', 'var/tmp', 'run/lock'])
    assert.ok(skeleton.includes(`dir root/${name} 1777`), name)
  assert.deepEqual(
    skeleton.filter((line) => line.startsWith('own')),
    [
      ...['home/ci', 'home/ci/project', 'home/ci/go', 'tmp/.mayfly-task', 'app', 'code', 'src', 'workspace'],
    ].map((name) => `own root/${name} 755`),
  )
  assert.ok(skeleton.includes(`link root/bin ${readlinkSync('/bin')}`))
  const [first] = skeleton.filter((line) => line.startsWith('fifos'))
  assert.equal(first, 'fifos sets/job/0')
  assert.ok(skeleton.includes('dir sets/job/0/s 777'))
})

test('the commands of a job can be run by everybody', () => {
  const commands = [
    'etc/mayfly/bin',
    'etc/mayfly/bin/circleci',
    'etc/mayfly/host/sudo',
    'etc/mayfly/host/apt-get',
  ]
  assert.deepEqual(commands.map(modeOf), ['755', '755', '755', '755'])
})

test('homes of image users lead to the home, and each of them is the job', () => {
  const links = skeletonOfNest(false).filter((line) => line.endsWith(' /home/ci'))
  const homes = ['root', ...['circleci', 'gradle', 'node', 'ubuntu'].map((name) => `home/${name}`)]
  assert.deepEqual(
    links,
    homes.map((at) => `link root/${at} /home/ci`),
  )
  assert.match(readFileSync(join(base, 'etc/group'), 'utf8'), /^node:x:1000:$/m)
})

test('every runner has the same time, and npm keeps below the home what a job installs for all users', () => {
  assert.equal(readlinkSync(join(base, 'etc/localtime')), '/usr/share/zoneinfo/Etc/UTC')
  assert.match(readFileSync(join(base, 'etc/mayfly/npmrc'), 'utf8'), /^prefix=\$\{HOME\}\/\.local$/m)
})

test('without root a step writes down elsewhere than beside its FIFOs', () => {
  const skeleton = skeletonOfNest(true)
  assert.ok(skeleton.includes('link sets/job/1/s /run/steps/1'))
  assert.ok(skeleton.includes('dir root/run/steps 755'))
  assert.ok(!skeleton.some((line) => line.includes(' 777')))
})

test('what is in a directory comes after it, and no line has a space too many', () => {
  const made = new Set<string>()
  for (const [i, line] of [false, true].flatMap(skeletonOfNest).entries()) {
    if (i > 0 && line === skeletonOfNest(true)[0]) made.clear()
    const [kind = '', name = '', ...more] = line.split(' ')
    assert.equal(more.length, kind === 'fifos' ? 0 : 1, line)
    const parent = kind === 'fifos' ? name : dirname(name)
    assert.ok(parent === '.' || made.has(parent), line)
    made.add(name)
  }
})

test('users, hosts and trust are ours; certificates are bound read-only, not copied', () => {
  assert.match(
    readFileSync(join(base, 'etc/passwd'), 'utf8'),
    /^root:.*\nci:x:1000:1000:ci:\/home\/ci:.*\n(\w+:x:1000:1000:.*\n){4}nobody:.*\n$/,
  )
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
