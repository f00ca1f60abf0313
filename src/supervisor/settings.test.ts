import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '../base/faults.ts'
import { findLayout } from './layout.ts'
import { ensureSettings, parseSettings, securityTxtWords } from './settings.ts'

const refusal = (text: string): string => {
  try {
    parseSettings(text, 'mayfly.yml')
  } catch (error) {
    if (error instanceof Fault) return error.public
  }
  return assert.fail('was accepted')
}

test('an empty file is all defaults, and nothing is open beyond them', () => {
  const settings = parseSettings('', 'mayfly.yml')
  assert.deepEqual(settings.egress, { default: 'open', allow: [] })
  assert.deepEqual(settings.sources.allow, [])
  assert.equal(settings.organisation, 'home')
  assert.deepEqual(settings.retention, { logs: 30, artifacts: 14, tests: 30 })
})

test('every problem is told, each with its line and column', () => {
  assert.equal(
    refusal('slots: many\negress:\n  default: all\n'),
    'mayfly.yml:1:8: slots: Invalid input: expected number, received string\n' +
      'mayfly.yml:3:12: egress.default: Invalid option: expected one of "none"|"open"',
  )
})

test('an unknown key, a range without a port and broken YAML stop the start', () => {
  assert.match(refusal('egres: {}'), /Unrecognized key: "egres"/)
  assert.equal(
    refusal('slots: 1\nmetric: {}\nretention:\n  logs: 3\n  log: 4\nslot: 2\n'),
    'mayfly.yml:5:3: retention: Unrecognized key: "log"\n' +
      'mayfly.yml:2:1: Unrecognized key: "metric"\nmayfly.yml:6:1: Unrecognized key: "slot"',
  )
  assert.match(
    refusal('egress: {allow: [10.0.0.0/8]}'),
    /mayfly\.yml:1:18: egress\.allow\.0: expected CIDR:port/,
  )
  assert.match(refusal('a: [1'), /^mayfly\.yml:1:/)
  assert.match(refusal('slots: 1\nslots: 2'), /unique/)
})

test('what a program could not start with is refused before those that run are stopped', () => {
  for (const range of ['10.0.0.0/99:443', '1.2.3/8:80', '..../8:443', '10.0.0.0/8:99999', 'fd00::/129:443'])
    for (const key of ['webhooks', 'egress'])
      assert.match(refusal(`${key}: {allow: ['${range}']}`), /allow\.0: is no range of addresses with a port/)
  for (const range of ['10.0.0.0/8:443', 'fd00::/8:443', '127.0.0.1/32:65535'])
    assert.deepEqual(parseSettings(`webhooks: {allow: ['${range}']}`, 'mayfly.yml').webhooks.allow, [range])
  for (const host of ['10.0.0.0/99:22', '10.0.0.1:99999', 'two words', '1.2.3', '[fd00::1', ''])
    assert.equal(
      refusal(`sources: {allow: [git.lan, '${host}']}`),
      'mayfly.yml:1:28: sources.allow.1: expected host:port or CIDR:port',
    )
  const hosts = ['git.lan', 'git.lan:2222', '*.git.lan:22', '10.0.0.0/8', '10.0.0.7:22', '[fd00::1]:22']
  assert.deepEqual(
    parseSettings(JSON.stringify({ sources: { allow: hosts } }), 'mayfly.yml').sources.allow,
    hosts,
  )
  for (const url of ['https://ci.example.org/mayfly', 'https://me@ci.example.org', 'ftp://ci.example.org'])
    assert.match(refusal(`public_url: ${url}`), /^mayfly\.yml:1:13: public_url: /)
  assert.equal(refusal('public_url: hello'), 'mayfly.yml:1:13: public_url: Invalid URL')
  for (const name of ['me@', ':secret@', 'me:secret@'])
    assert.equal(
      refusal(`traces: {endpoint: 'http://${name}traces.example.org'}`),
      'mayfly.yml:1:20: traces.endpoint: holds a name or a password, which stand in headersFile: Authorization: Basic …',
    )
  for (const everybody of ['0.0.0.0/0', '::/0'])
    assert.equal(
      refusal(`http: {trustedProxies: [127.0.0.1, '${everybody}']}`),
      'mayfly.yml:1:36: http.trustedProxies.1: is everybody: whoever comes would choose an address',
    )
  assert.match(refusal('metrics: &m {port: 1}\ntraces: *m\n'), /^mayfly\.yml:2:9: write it out/)
})

test('a security.txt that is not served is told, by when it expires', () => {
  const now = Date.parse('2026-11-24T00:00:00Z')
  const words = (expires: string) =>
    securityTxtWords(
      parseSettings(`securityTxt: {contact: ["mailto:a@example.org"], expires: "${expires}"}`, 'mayfly.yml'),
      now,
    )
  assert.equal(words('2027-06-30T00:00:00Z'), null)
  assert.match(words('2026-11-23T23:59:59Z') ?? '', /^securityTxt\.expires is over: .* not served$/)
  assert.match(words('2027-11-25T00:00:00Z') ?? '', /is more than a year ahead/)
  assert.equal(securityTxtWords(parseSettings('', 'mayfly.yml'), now), null)
})

test('the settings are written once, and what the operator took back stays away', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-settings-'))
  t.after(() => rm(directory, { recursive: true }))
  const layout = findLayout({ data: join(directory, 'data'), environment: {}, isRoot: true, uid: 0 })
  await ensureSettings(layout, () => undefined)
  const written = await readFile(layout.settings, 'utf8')
  parseSettings(written, layout.settings)
  await writeFile(layout.settings, 'egress: {default: none, allow: []}\n')
  const again = await ensureSettings(layout, () => assert.fail('nothing new is said'))
  assert.deepEqual(again.egress, { default: 'none', allow: [] })
})
