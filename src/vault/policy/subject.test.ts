// Whatever people call a branch or a repository: a subject is read in one way, and no other project, ref or repository has it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import { formatId, type ProjectId, uuidOf } from '../../base/ids.ts'
import type { ProjectSource } from '../../protocol/vault.ts'
import { circleciSubjects, nobody, originOf } from './subject.ts'

const org = formatId('organisation', new Uint8Array(16).fill(1))
const project = formatId('project', new Uint8Array(16).fill(2))
const actor = formatId('user', new Uint8Array(16).fill(3))
const prefix = `org/${uuidOf(org)}/project/${uuidOf(project)}/user/`
const sourceAt = (path: string): ProjectSource => ({
  ...{ kind: 'ssh', url: `ssh://git@Code.example${path}`, host: 'Code.example', port: 22, user: 'git', path },
})
const subject = (ref: string, path = '/team/app.git', of: ProjectId = project) =>
  circleciSubjects({ org, project: of, ref }, sourceAt(path)).second

test('the subjects are those that CircleCI documents', () => {
  const { first, second } = circleciSubjects(
    { org, project, actor, ref: 'refs/heads/main' },
    sourceAt('/team/app.git'),
  )
  assert.equal(first, `${prefix}${uuidOf(actor)}`)
  assert.equal(second, `${first}/vcs-origin/code.example/team/app/vcs-ref/refs/heads/main`)
  assert.equal(
    circleciSubjects({ org, project, ref: 'refs/heads/main' }, sourceAt('/a/b')).first,
    prefix + nobody,
  )
})

test('a port and a directory of this machine are no repository of a host', () => {
  assert.equal(
    originOf({ ...sourceAt('/team/app.git'), kind: 'ssh', port: 2222 } as ProjectSource),
    'code.example:2222/team/app',
  )
  assert.equal(originOf({ kind: 'local', root: 0, path: 'team/app.git' }), 'file:0/team/app')
})

test('names that are patterns, separators or other alphabets are encoded', () => {
  const cases = {
    'refs/heads/x:environment:prod': 'refs/heads/x%3Aenvironment%3Aprod',
    'refs/heads/*': 'refs/heads/%2A',
    'refs/heads/ü?[a]~%2F': 'refs/heads/%C3%BC%3F%5Ba%5D%7E%252F',
  }
  for (const [ref, encoded] of Object.entries(cases))
    assert.equal(subject(ref), `${prefix}${nobody}/vcs-origin/code.example/team/app/vcs-ref/${encoded}`)
})

test('a ref or repository with a word of the profile has no subject that names it', () => {
  for (const word of ['org', 'project', 'user', 'vcs-origin', 'vcs-ref']) {
    assert.equal(subject(`refs/heads/${word}/x`), null)
    assert.equal(subject(`refs/heads/${word}`), null)
    assert.equal(subject('refs/heads/main', `/${word}/app.git`), null)
    assert.notEqual(subject(`refs/heads/${word}s`), null)
  }
  assert.equal(
    circleciSubjects({ org, project, ref: 'refs/heads/user/a' }, sourceAt('/a')).first,
    prefix + nobody,
  )
})

test('no two that differ have the same subject, and each is read back as what it was', () => {
  const random = createRandom(5)
  const pieces = [
    'a',
    'main',
    '/',
    '/',
    '.',
    '*',
    ':',
    '%',
    '%2F',
    'ü',
    'vcs-ref',
    'vcs-origin',
    'user',
    '-',
    '_',
    '\u202e',
  ]
  const text = () => Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('')
  const seen = new Map<string, string>()
  let named = 0
  for (let round = 0; round < 20_000; round++) {
    const [ref, path] = [`refs/heads/${text()}`, text()]
    const source = sourceAt(`/${path}`)
    const made = circleciSubjects({ org, project, ref }, source).second
    if (made === null) continue
    named++
    assert.match(made, /^[A-Za-z0-9._/%-]+$/)
    const key = JSON.stringify([ref, originOf(source)])
    assert.equal(seen.get(made) ?? key, key, made)
    seen.set(made, key)
    const [, origin = '', back = ''] = /^.*?\/vcs-origin\/(.*?)\/vcs-ref\/(.*)$/.exec(made) ?? []
    assert.deepEqual([decodeURIComponent(back), decodeURIComponent(origin)], [ref, originOf(source)])
  }
  assert.ok(named > 2_000, `${named} of the random names have a subject`)
})
