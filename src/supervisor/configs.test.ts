// Settings that the supervisor takes are taken by every program: else `mayfly restart` stops what runs and cannot start it again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJailerConfig } from '../main/jailer.config.ts'
import { parseRunnerConfig } from '../main/runner.config.ts'
import { parseServerConfig } from '../main/server.config.ts'
import { parseVaultConfig } from '../main/vault.config.ts'
import { jailerConfig, runnerConfig, serverConfig, vaultConfig } from './configs.ts'
import { findLayout } from './layout.ts'
import { parseSettings, type Settings } from './settings.ts'
import { oidcBase, publicUrl } from './up.ts'

const layout = findLayout({ data: '/srv/a', environment: {}, isRoot: true, uid: 0 })
const id = `rnr_${'0'.repeat(26)}`
const identity = {
  installation: '00ff',
  ticketKeyFile: '/srv/a/server/ticket.key',
  ticketPublicKey: 'A'.repeat(43),
  tlsKeyFile: '/srv/a/server/tls.key',
  tlsCertificateFile: '/srv/a/server/tls.crt',
  spkiSha256: 'A'.repeat(43),
  // SAFE: the form of one.
  runner: { id: id as never, keyFile: '/srv/a/runner/runner.key', publicKey: 'A'.repeat(43) },
}
const programs = { node: '/usr/bin/node', directory: '/srv/a/app/1' }

/** As the programs get it, over a pipe. */
const told = (config: unknown): string => JSON.stringify(config)

const takenByAll = (settings: Settings): void => {
  const ports = { port: 8420, runnerPort: 8421 }
  const common = { layout, identity, programs, settings, slots: 2 }
  const runner = runnerConfig({ ...common, ...ports, vsign: 'A'.repeat(43) })
  parseServerConfig(
    told(
      serverConfig({
        ...common,
        ...ports,
        publicUrl: publicUrl(ports, settings),
        organisation: settings.organisation,
        localRepositories: [],
        egressDefault: settings.egress.default,
        webhooks: { allow: settings.webhooks.allow, authorities: settings.trust.ca },
        retention: settings.retention,
        telemetry: settings,
        doors: settings,
      }),
    ),
  )
  const problems = [
    parseVaultConfig(told(vaultConfig(layout, identity, oidcBase(ports, settings)))),
    parseRunnerConfig(told(runner)),
    parseJailerConfig(
      JSON.parse(
        told(jailerConfig({ ...common, runnerUser: { uid: 1, gid: 1 }, repositoryRoots: [], runner })),
      ),
    ),
  ].flatMap((parsed) => (parsed.ok ? [] : parsed.problems))
  assert.deepEqual(
    problems.map(({ message }) => message),
    [],
  )
}

test('what the settings take, every program takes', () => {
  for (const text of [
    '',
    'organisation: acme\npublic_url: https://ci.example.org\nslots: 3\nisolation: container',
    'public_url: https://ci.example.org/\noidc: {base: "https://id.example.org/ci/"}',
    'egress: {default: none, allow: ["10.0.0.0/8:443", "fd00::/8:443"]}\nsources: {allow: ["git.example:22"]}',
    'webhooks: {allow: ["fd00::/8:443"]}\nmetrics: {port: 9100}\ntrust: {ca: /etc/ssl/own.pem}',
    'http: {trustedProxies: ["127.0.0.1", "::1", "10.0.0.0/8"]}',
    'securityTxt: {contact: ["mailto:security@example.org"], expires: "2027-06-30T00:00:00Z"}',
    'securityTxt: {contact: ["https://example.org/s"], expires: "2027-06-30T00:00:00+02:00", encryption: "https://example.org/key", policy: "https://example.org/p", preferredLanguages: "en, de"}',
    'traces: {endpoint: "http://127.0.0.1:4318", headersFile: /etc/mayfly/headers}\nretention: {logs: 3650}',
  ])
    takenByAll(parseSettings(text, 'mayfly.yml'))
})

test('what a program could not start with, the settings refuse', () => {
  const refusals: readonly (readonly [text: string, why: RegExp])[] = [
    ['organisation: api', /^mayfly\.yml:1:15: organisation: is a reserved word$/],
    ['organisation: runs', /^mayfly\.yml:1:15: organisation: is a reserved word$/],
    ['trust: {ca: authorities.pem}', /^mayfly\.yml:1:13: trust\.ca: must be an absolute path$/],
    ['trust: {ca: "/a\\nb"}', /trust\.ca: must be an absolute path/],
    ['public_url: https:ci.example.org', /^mayfly\.yml:1:13: public_url: /],
    ['public_url: HTTPS://ci.example.org', /public_url: must begin with/],
    ['http: {trustedProxies: [proxy.example]}', /^mayfly\.yml:1:25: http\.trustedProxies\.0: is no address/],
    ['securityTxt: {contact: ["me@example.org"]}', /securityTxt\.contact\.0: must begin with/],
    [
      'securityTxt: {contact: ["mailto:me@example.org"]}',
      /^mayfly\.yml:1:14: securityTxt: needs contact and expires$/,
    ],
    ['securityTxt: {contact: ["mailto:me@example.org"], expires: tomorrow}', /securityTxt\.expires: /],
    ['oidc: {base: "https:id.example.org"}', /^mayfly\.yml:1:14: oidc\.base: /],
    ['oidc: {base: "https:\\\\id.example.org"}', /oidc\.base: /],
  ]
  for (const [text, why] of refusals)
    assert.throws(
      () => parseSettings(text, 'mayfly.yml'),
      ({ public: said }: { public: string }) => why.test(said),
      text,
    )
})
