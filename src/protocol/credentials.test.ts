// What looks like a credential and what only stands where one would: by examples of each form, and for any text.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, type Random } from '../../test/support/random.ts'
import { annotationLineMax } from './annotations.ts'
import { type CredentialKind, credentialKinds, findCredentials, mayHoldCredential } from './credentials.ts'

const found = (line: string) =>
  findCredentials(line).map(({ kind, from, to }) => [kind, line.slice(from, to)])

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const some = (random: Random, length: number, of = letters): string =>
  Array.from({ length }, () => of.charAt(random(of.length))).join('')

/** As their issuers make them; put together here, so that no scanner of this repository takes them for real. */
const made: Readonly<
  Record<Exclude<CredentialKind, 'assignment' | 'address' | 'authorization'>, (r: Random) => string>
> = {
  aws_key: (r) => `AKI${'A'}${some(r, 16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
  github_token: (r) => `gh${'p'}_${some(r, 36)}`,
  gitlab_token: (r) => `glp${'at'}-${some(r, 20)}`,
  slack_token: (r) => `xo${'xb'}-${some(r, 12, '123456789')}-${some(r, 24)}`,
  stripe_key: (r) => `sk_${'live'}_${some(r, 24)}`,
  google_key: (r) => `AI${'za'}${some(r, 35)}`,
  npm_token: (r) => `np${'m_'}${some(r, 36)}`,
  pypi_token: (r) => `pypi-Ag${'E'}${some(r, 80)}`,
  sendgrid_key: (r) => `S${'G'}.${some(r, 22)}.${some(r, 43)}`,
  model_key: (r) => `sk-${'ant'}-${some(r, 60)}`,
  docker_token: (r) => `dckr_${'pat'}_${some(r, 27)}`,
  vault_token: (r) => `hv${'s.'}${some(r, 24)}`,
  mayfly_token: (r) => `mf${'s_'}${some(r, 49)}`,
  private_key: (r) => `-----BEGIN ${['', 'RSA ', 'OPENSSH ', 'EC '][r(4)]}PRIVATE ${'KEY'}-----`,
  jwt: (r) => `ey${'J'}${some(r, 30)}.ey${'J'}${some(r, 60)}.${some(r, 43)}`,
}

test('each form is found where it stands, whatever stands around it', () => {
  const random = createRandom(5)
  const around = ['', ' ', '"', "'", '(', 'token=', 'x: ', 'ä ', '/', ',', '\u2028']
  for (const [kind, make] of Object.entries(made))
    for (let n = 0; n < 200; n++) {
      const text = make(random)
      const before = `${some(random, random(20))}${around[1 + random(around.length - 1)]}`
      const line = `${random(3) === 0 ? '' : before}${text}${around[random(5)]}${random(2) === 0 ? '' : ` ${some(random, 9)}`}`
      if (/x{6}|0{8}/i.test(text)) continue
      assert.deepEqual(found(line), [[kind, text]], line)
      assert.ok(mayHoldCredential(line))
    }
  assert.equal(Object.keys(made).length + 3, credentialKinds.length, 'every kind has its test')
})

test('values behind names, passwords in addresses and what requests are authorised with', () => {
  const is = (line: string, kind: CredentialKind, text: string) =>
    assert.deepEqual(found(line), [[kind, text]], line)
  is('password=hunter2isnot8', 'assignment', 'hunter2isnot8')
  is('DB_PASSWORD: "q8Zr!2mKp"', 'assignment', 'q8Zr!2mKp')
  is('  "client_secret": "9fK2mQ7xLp3RtV8w",', 'assignment', '9fK2mQ7xLp3RtV8w')
  is(
    'aws_secret_access_key = 8dTq/Zk3Wm+1RyPbN5vXc7LsHj2GfA9uEoKi6QnV',
    'assignment',
    '8dTq/Zk3Wm+1RyPbN5vXc7LsHj2GfA9uEoKi6QnV',
  )
  is('export API_KEY=7c4a8d09ca3762af61e59520943dc264', 'assignment', '7c4a8d09ca3762af61e59520943dc264')
  is('git clone https://bot:k3yP4ssw0rd@git.example.com/a.git', 'address', 'k3yP4ssw0rd')
  is('postgres://app:s3cr3tpw@db:5432/app', 'address', 's3cr3tpw')
  is('> Authorization: Basic Ym90OmszeVA0c3N3MHJk', 'authorization', 'Ym90OmszeVA0c3N3MHJk')
  is("'authorization': 'Bearer 8dTqZk3WmRyPbN5v'", 'authorization', '8dTqZk3WmRyPbN5v')
  is('token=gone and password=q8Zr2mKpX1', 'assignment', 'q8Zr2mKpX1')
})

test('what only stands where one would is told apart', () => {
  for (const line of [
    'password: ********',
    'password=[secret DEPLOY_TOKEN]',
    `token: ${'$'}{GITHUB_TOKEN_OF_CI_1}`,
    'token={{ secrets.TOKEN1 }}',
    'API_KEY=your-api-key-1234-here',
    'API_KEY=<insert-your-key-1-here>',
    'password = changeme123',
    'password=aaaaaaaa11111111',
    `AWS_ACCESS_KEY_ID=AKI${'A'}IOSFODNN7EXAMPLE`,
    'secret: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    `gh${'p'}_${'x'.repeat(36)}`,
    'const token = process.env.NPM_TOKEN_2_FOR_CI',
    'token: config.auth.v2.tokenName',
    'SyntaxError: Unexpected token: punctuation2',
    'token=550e8400-e29b-41d4-a716-446655440000',
    'secret = /run/secrets/database_password_1',
    'secret_key: https://docs.rs/ring/0.17.8/ring/',
    'integrity token: sha512-8dTqZk3WmRyPbN5vXc7LsHj2GfA9uEoKi6QnV',
    'token 9f3c2e1baa9f3c2e1baa9f3c2e1baa9f3c2e1baa was printed by git',
    'api_key: aws-access-key-2-of-the-build',
    'password: 12 characters at least',
    'token expires: 2026-11-22T10:00:00Z',
    'token=2026-11-22T10:00:00Z',
    'access_key: src/access/key_12_of_many.test.ts:88:25',
    'https://user:$PASSWORD@example.com',
    'https://example.com:8443/a@b',
    'https://example.com/x:y@z',
    'see http://[::1]:8080/@types',
    'Tokenizer: fast2000tokenizer',
    'ghp_short',
    `x${`gh${'p'}_`}${'a1'.repeat(18)}`,
    'the key eyJ.eyJ.eyJ',
    '-----BEGIN PUBLIC KEY-----',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq8Zr2mKpX1 me@here',
    'commit 9f3c2e1baa9f3c2e1baa9f3c2e1baa9f3c2e1baa',
    '',
  ])
    assert.deepEqual(found(line), [], line)
})

test('of any text: places are inside, in order and apart, and what has no hint has nothing', () => {
  const random = createRandom(3)
  const parts = [
    ...Object.values(made).map((make) => make(random)),
    'password',
    'token',
    '=',
    ':',
    '"',
    ' ',
    '@',
    '://',
    'a:',
    '-',
    '.',
    'eyJ',
    '_',
  ]
  for (let n = 0; n < 5_000; n++) {
    const line = Array.from({ length: random(14) }, () =>
      random(4) === 0 ? some(random, random(30)) : (parts[random(parts.length)] ?? ''),
    ).join('')
    let at = 0
    for (const { from, to } of findCredentials(line)) {
      assert.ok(from >= at && to > from && to <= line.length, line)
      at = to
    }
    if (!mayHoldCredential(line)) assert.deepEqual(findCredentials(line), [])
  }
})

test('lines that are made to be gone over again and again are gone over once, and only up to a bound', () => {
  const hostile = [
    'eyJ',
    'eyJaaaaaaaaaaaa.',
    'eyJ-',
    'sk-ant-',
    'xoxb-',
    '://',
    '://a:',
    '://a:b',
    'token=',
    'password:"',
    'authorization: bearer ',
    'AKIA',
    'ghp_',
    '-----BEGIN RSA ',
    'SG.',
    'secret ',
    'api_key',
    'a1',
  ]
  const text = (unit: string, length: number) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length)
  for (const unit of hostile)
    for (const end of ['', '@', '.', ' x', '-'])
      for (let n = 0; n < 20; n++) findCredentials(`${text(unit, 200_000)}${end}`)
  const late = `${text('a ', annotationLineMax)} password=q8Zr2mKpX1`
  assert.deepEqual(findCredentials(late), [])
})
