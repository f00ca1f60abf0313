// The closed schema of what a runner may ask of root: everything else is refused, whatever it looks like.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classes } from './policy/classes.ts'
import { parseRequest } from './verbs.ts'

const limits = classes.small.limits
const nest = 'abcdefg2'
const good: readonly { verb: string; with: object }[] = [
  { verb: 'host.probe', with: {} },
  { verb: 'sweep', with: {} },
  {
    verb: 'nest.prepare',
    with: { limits, net: 'none', seccomp: 'strict', tools: [{ object: 'release', at: 'opt/mayfly' }] },
  },
  { verb: 'nest.bind', with: { nest, attempt: 'att_0123', limits } },
  { verb: 'nest.usage', with: { nest } },
  { verb: 'nest.destroy', with: { nest, unused: false } },
  { verb: 'net.listen', with: { ports: [22, 2222] } },
  { verb: 'net.cut', with: { nest } },
  { verb: 'set.open', with: { nest, kind: 'foreground' } },
  { verb: 'set.stdin', with: { nest, set: 3 } },
  { verb: 'job.socket', with: { nest, kind: 'ssh-agent' } },
  { verb: 'step.signal', with: { nest, pid: 12, signal: 'TERM' } },
  {
    verb: 'cell.start',
    with: {
      ...{ nest, files: 'clean', net: 'none', stdin: true, socket: 'ssh-agent' },
      sources: [{ root: 0, path: 'group/repo.git', at: 'mnt/source' }],
    },
  },
  { verb: 'cell.have', with: { nest, cell: 1 } },
  { verb: 'cell.signal', with: { nest, cell: 1, signal: 'KILL' } },
]
const parse = (verb: string, args: unknown, more: object = {}) =>
  parseRequest({ call: 1, verb, with: args, ...more })
const argumentsOf = (verb: string) => good.find((request) => request.verb === verb)?.with ?? {}

test('every verb is accepted in its own form', () => {
  for (const request of good) assert.ok(parse(request.verb, request.with).ok, request.verb)
})

test('an unknown verb, a missing or a further member is refused, for every verb', () => {
  assert.ok(!parse('nest.exec', {}).ok)
  assert.ok(!parse('__proto__', {}).ok)
  assert.ok(!parse('constructor', {}).ok)
  for (const { verb, with: args } of good) {
    assert.ok(!parse(verb, { ...args, flags: ['--bind', '/', '/'] }).ok, verb)
    assert.ok(!parse(verb, args, { uid: 0 }).ok, verb)
    for (const name of Object.keys(args)) {
      const { [name]: _left, ...rest } = args as Record<string, unknown>
      assert.ok(!parse(verb, rest).ok, `${verb} without ${name}`)
    }
  }
})

test('hostile values are refused wherever an id, a word or a number is expected', () => {
  const hostile: readonly unknown[] = [
    ...[
      null,
      true,
      '',
      '/',
      '/etc/passwd',
      '../x',
      'a\0b',
      'a\nb',
      '--bind',
      '$(id)',
      '-1',
      'x'.repeat(10_000),
    ],
    ...[-1, 0.5, Number.NaN, 1e300, 2 ** 53, {}, [], ['x'], { toString: 'x' }, { length: 8 }],
  ]
  for (const { verb, with: args } of good)
    for (const name of Object.keys(args)) {
      const accepted = hostile.filter((value) => parse(verb, { ...args, [name]: value }).ok)
      // An empty list is a fine list of tools, ports or sources; a boolean a fine answer to a question.
      const fine = accepted.every((value) => (Array.isArray(value) && value.length === 0) || value === true)
      assert.ok(fine, `${verb} ${name} ${JSON.stringify(accepted)}`)
    }
})

test('limits above the most anybody may have are refused', () => {
  for (const name of Object.keys(limits)) {
    const more = { ...limits, [name]: 1e18 }
    assert.ok(!parse('nest.bind', { nest, attempt: 'a', limits: more }).ok, name)
  }
})

test('a source is a relative path that stays below its root', () => {
  const args = argumentsOf('cell.start')
  const accepts = (path: string) =>
    parse('cell.start', { ...args, sources: [{ root: 0, path, at: 'mnt/x' }] }).ok
  for (const path of ['/etc', '..', '../x', 'a/../../b', 'a/..', 'a\nsource 1 mnt/x /', '', 'a\0'])
    assert.equal(accepts(path), false, JSON.stringify(path))
  assert.ok(accepts('a b/c.git'))
})

test('a mount appears one name below /mnt or /opt and nowhere else', () => {
  const args = argumentsOf('nest.prepare')
  const accepts = (at: string) => parse('nest.prepare', { ...args, tools: [{ object: 'release', at }] }).ok
  for (const at of [
    'etc/x',
    'mnt',
    'mnt/',
    'mnt/..',
    'mnt/a/b',
    '/mnt/a',
    'opt/.x',
    'usr/bin',
    'mnt/a b',
    'opt/A',
  ])
    assert.equal(accepts(at), false, at)
  assert.ok(accepts('opt/node-24.x'))
})

test('a message that is no object at all is refused', () => {
  for (const message of [null, undefined, 1, 'sweep', [], [{}], Object.create(null)])
    assert.ok(!parseRequest(message).ok)
})
