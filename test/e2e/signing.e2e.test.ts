// A signing key from the hand of a person to a signature that openssl takes, with every program real: put by the command line, used
// by a job that was pushed, refused to one of another ref. Then its bytes are looked for wherever the vault is not.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createPrivateKey } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { SecretSignature } from '../../src/protocol/api/secrets.ts'
import type { Attempt, Run } from '../../src/protocol/api/shapes.ts'
import { createApi } from '../support/api.ts'
import { waitFor } from '../support/installation.ts'
import { filesWith, holds, memoryWith, processesWith } from '../support/residue.ts'
import { openVessel, type Vessel } from '../support/vessel.ts'

const configuration = `version: 2.1
jobs:
  release:
    docker: [{image: cimg/base:stable}]
    steps:
      - checkout
      - run:
          name: Sign it
          command: |
            mayfly sign RELEASE release.txt --out release.sig
            echo "first $(base64 -w 0 release.sig)"
            echo "second $(mayfly sign RELEASE --digest sha256:$(sha256sum <release.txt | cut -c1-64))"
            sleep 4
workflows:
  main:
    jobs: [release]
`
const content = 'what is released\n'

describe('a signing key, from a person to a signature', () => {
  let vessel: Vessel
  let pem = ''
  let forms: readonly Buffer[] = []
  before(async () => {
    vessel = await openVessel({ '.circleci/config.yml': configuration, 'release.txt': content })
    await writeFile(join(vessel.place, 'stamp'), '')
  })
  after(() => vessel?.close())
  const cli = (words: string, stdin = '') =>
    vessel.installation.cliWith({ home: join(vessel.place, 'home'), stdin }, ...words.split(' '))
  const succeeds = (words: string, stdin?: string): string => {
    const { code, stdout, stderr } = cli(words, stdin)
    assert.equal(code, 0, `mayfly ${words}: ${stderr}`)
    return stdout
  }
  const put = (path: string) => `secrets set RELEASE --project vessel --kind signing --file ${path}`
  /** With the public half that the API shows to everybody who sees that there is a key. */
  const isGood = async (signature: string): Promise<boolean> => {
    const { items } = JSON.parse(succeeds('secrets list --project vessel --json'))
    const [{ signing }] = items
    assert.equal(signing.public_key, succeeds('secrets public-key RELEASE --project vessel'))
    const at = (name: string) => join(vessel.place, name)
    await writeFile(at('key.pub'), signing.public_key)
    await writeFile(at('release.sig'), Buffer.from(signature, 'base64'))
    await writeFile(at('release.txt'), content)
    const args = ['dgst', '-sha256', '-verify', at('key.pub'), '-signature', at('release.sig')]
    return execFileSync('openssl', [...args, at('release.txt')], { encoding: 'utf8' }) === 'Verified OK\n'
  }

  test('what is no such key is refused before it is sealed; a good one shows its public half and nothing else', async () => {
    const path = join(vessel.place, 'key.pem')
    succeeds(
      'secrets signer enrol --name laptop',
      `${vessel.installation.cli('vault', 'signer-code').stdout}\n`,
    )
    const openssl = (...args: readonly string[]) =>
      execFileSync('openssl', [...args, '-out', path], { stdio: 'pipe' })
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout')
    assert.match(cli(put(path)).stderr, /"EC PRIVATE KEY", not PKCS #8: openssl pkcs8 -topk8/)
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024')
    assert.match(cli(put(path)).stderr, /this RSA key has 1024 bits/)
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256')
    assert.match(succeeds(put(path)), /^RELEASE is version 1.*\nsigns {4}ecdsa-p256 {2}SHA256:/)
    pem = await readFile(path, 'utf8')
    await rm(path)
    const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' })
    forms = [Buffer.from(d, 'base64url'), Buffer.from(d), Buffer.from(pem.split('\n')[2] ?? '')]
    assert.match(succeeds('secrets show RELEASE --project vessel'), /BEGIN PUBLIC KEY/)
    assert.match(cli('secrets public-key NOTHING --project vessel').stderr, /MF4004/)
  })

  test('a pushed job signs a file and a digest, and openssl takes both; the key is where the vault is', async () => {
    const commit = vessel.repository.push({ note: 'one' }, 'Release it')
    const begun = () => {
      const { items } = JSON.parse(vessel.succeeds('runs', 'list', '--project', 'vessel', '--json'))
      return items.find((each: Run) => each.event.commit === commit)?.id as string | undefined
    }
    const id = await waitFor('the run', begun)
    await waitFor('both signatures', () => vessel.installation.cli('logs', id).stdout.includes('second '))
    const others = processes().filter(({ line }) => !/vault\.js/.test(line))
    assert.ok(others.some(({ line }) => /runner/.test(line)) && others.length > 4)
    assert.deepEqual(
      memoryWith(
        forms,
        others.map(({ pid }) => pid),
      ),
      [],
      'while the job has its signatures',
    )
    const ended = await vessel.ends(commit)
    for (const word of ['first', 'second'])
      assert.ok(await isGood(new RegExp(`${word} ([A-Za-z0-9+/=]+)`).exec(ended.log)?.[1] ?? ''), word)
    assert.equal(holds(Buffer.from(ended.log), forms), false)
    const { detail } = JSON.parse(succeeds('secrets show RELEASE --project vessel --json'))
    assert.deepEqual([detail.releases, detail.last_release.run_id], [2, ended.id])
    const { items } = JSON.parse(succeeds('secrets signatures RELEASE --project vessel --json'))
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
    assert.deepEqual(
      items.map((each: SecretSignature) => [each.digest, each.run_number, each.step]),
      Array(2).fill([digest, ended.number, 2]),
    )
    const shown: Run = JSON.parse(vessel.succeeds('runs', 'view', ended.id, '--json'))
    const attempt = shown.jobs.find(({ name }) => name === 'release')?.attempts[0]?.id
    const { notes } = await createApi(vessel.installation).get<Attempt>(`/api/v1/attempts/${attempt}`)
    assert.ok(
      notes.some((note) => /^signed sha256:[0-9a-f]{64} with RELEASE$/.test(note)),
      notes.join('\n'),
    )
  })

  test('a job of a ref that the policy does not name is told so', async () => {
    const { git } = vessel.repository
    git(
      '-c',
      'user.name=A',
      '-c',
      'user.email=a@example.invalid',
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'Elsewhere',
    )
    git('push', '--quiet', 'origin', 'HEAD:other')
    const { log } = await vessel.ends(vessel.repository.head(), 'failed')
    assert.match(log, /this job may sign with no key: .* whose policy admits its ref and its event/)
  })

  test('its bytes are nowhere: no database, no disk, no process, no memory but the vault has had it', () => {
    // What is found must be findable: the name of the key is in the same places.
    const name = [Buffer.from('RELEASE')]
    assert.ok(
      filesWith(name, join(vessel.place, 'stamp')).some((path) => path.startsWith(vessel.installation.data)),
    )
    assert.deepEqual(processesWith(forms), [])
    assert.deepEqual(filesWith(forms, join(vessel.place, 'stamp')), [])
  })

  const processes = () =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => ({ pid: Number(pid), line: commandLine(pid) }))
      .filter(({ line }) => line.includes(vessel.installation.data))
})

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).toString().replaceAll('\0', ' ')
  } catch {
    // It ended since it was listed.
    return ''
  }
}
