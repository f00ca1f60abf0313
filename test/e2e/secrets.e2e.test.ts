// A secret from the hand of a person to the step of a job, with every program real: enrolled by the code that `up` printed,
// sealed by the command line, released by the vault, delivered by the runner. Then its bytes are looked for everywhere
// else: database, disk, logs, process table, memory of the programs that only passed it on.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { jcsDigest } from '../../src/seal/index.ts'
import { openVisitor, type Visitor } from '../support/browser.ts'
import { createRepository, type TestRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { openState } from '../support/installation-state.ts'
import { filesWith, formsOf, holds, memoryWith, processesWith } from '../support/residue.ts'

/** The job says what it got without saying it. */
const configuration = `version: 2.1
jobs:
  use:
    docker: [{image: cimg/base:stable}]
    steps:
      - run:
          name: Use it
          command: |
            printf 'variable %s\\n' "$(printf %s "$DEPLOY_TOKEN" | sha256sum | cut -c1-64)"
            printf 'file %s\\n' "$(sha256sum < "$KEYSTORE" | cut -c1-64)"
            printf 'browser %s\\n' "$(printf %s "$BROWSER_TOKEN" | sha256sum | cut -c1-64)"
            hashed() { printf %s "$1" | sha256sum | cut -c1-64; }
            printf 'both %s %s\\n' "$(hashed "$ONE")" "$(hashed "$ONE_PREVIOUS")"
            echo "open: $DEPLOY_TOKEN"
            sleep 4
      - add_ssh_keys
      - run: {name: Who signs, command: ssh-add -l}
workflows:
  main:
    jobs: [use]
`
const job = (name: string, steps: string) => `
  ${name}:
    docker: [{image: cimg/base:stable}]
    steps: ${steps}
`
const setup = `version: 2.1
setup: true
orbs: {continuation: circleci/continuation@1.0.0}
jobs:${job('make', '[checkout, continuation/continue: {configuration_path: .circleci/next.yml}]')}
workflows: {setup: {jobs: [make]}}
`
const continued = `version: 2.1
jobs:${job('use', `[{run: 'echo "continued $(sha256sum < "$KEYSTORE" | cut -c1-64)"'}]`)}
workflows: {next: {jobs: [use]}}
`
const gated = `version: 2.1
jobs:${job('use', "[{run: 'echo fine'}]")}
workflows: {main: {jobs: [{hold: {type: approval}}, {use: {requires: [hold]}}]}}
`
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const token = `tok-${randomBytes(18).toString('hex')}`
const keystore = randomBytes(3000)
const typed = `web-${randomBytes(18).toString('hex')}`
const signs = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
/** Behind what all keys begin with. */
const signsForm = signs.split('\n')[1]?.slice(24, 60) ?? ''
const forms = [Buffer.from(signsForm), ...formsOf(typed), ...formsOf(token), keystore.subarray(100, 160)]

describe('a secret, from a person to the step of a job', () => {
  let place: string
  let installation: TestInstallation
  let repository: TestRepository
  before(async () => {
    place = await mkdtemp(join(tmpdir(), 'mayfly-secrets-'))
    await chmod(place, 0o755)
    await writeFile(join(place, 'stamp'), '')
    repository = await createRepository(place, 'vessel', { '.circleci/config.yml': configuration })
    installation = await openInstallation({ args: ['--no-sample', '--local-repos', place] })
    succeeds(`project add vessel --path ${repository.bare}`)
  })
  after(async () => {
    await installation?.close()
    await rm(place, { recursive: true, force: true })
  })
  const cli = (words: string, stdin = '') =>
    installation.cliWith({ home: join(place, 'home'), stdin }, ...words.split(' '))
  const succeeds = (words: string, stdin?: string): string => {
    const { code, stdout, stderr } = cli(words, stdin)
    assert.equal(code, 0, `mayfly ${words}: ${stderr}`)
    return stdout
  }
  const run = () => {
    const started: { id: string } = JSON.parse(succeeds('runs start --project vessel --json'))
    return started.id
  }
  const log = (id: string) => installation.cli('logs', id, '--project', 'vessel').stdout
  const ends = (id: string) =>
    waitFor('the run to end', () => {
      const { status } = JSON.parse(installation.cli('runs', 'view', id, '--json').stdout)
      return ['passed', 'failed', 'errored'].includes(status) ? (status as string) : null
    })

  test('nobody puts one before a signer is enrolled, and the code of `up` enrols one', async () => {
    const refused = cli('secrets set DEPLOY_TOKEN --project vessel', token)
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /signer-code/)
    const code = /signer enrol\n\s+(\S+)/.exec(installation.output())?.[1] ?? ''
    assert.notEqual(cli('secrets signer enrol', `${code.slice(1)}A`).code, 0)
    succeeds('secrets signer enrol --name laptop', `${code}\n`)
    assert.notEqual(cli('secrets signer enrol', code).code, 0, 'once')
    const file = join(place, 'home/.config/mayfly/signer.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  test('a person in a browser puts one with a passkey: what is sent does not hold it', async () => {
    const visitor = await openVisitor()
    try {
      await inBrowser(visitor)
    } finally {
      await visitor.close()
    }
  })

  const inBrowser = async (visitor: Visitor): Promise<void> => {
    const { page, complaints } = visitor
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    const sent: string[] = []
    page.on('request', (request) => sent.push(request.postData() ?? ''))
    await visitor.addAuthenticator()
    await page.goto(installation.claimUrl ?? '')
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel('E-mail').fill('ada@example.invalid')
    await press('Continue with a passkey')
    await page.waitForURL('**/projects/new')
    await page.goto(`${installation.url}/projects`)
    await page.getByRole('link', { name: 'vessel' }).first().click()
    await page.getByRole('link', { name: 'Secrets' }).click()
    await page.getByLabel('Code of the operator').fill(succeeds('vault signer-code').trim())
    await press('Make the passkey')
    await press('Add a secret')
    await page.getByLabel('Name', { exact: true }).fill('BROWSER_TOKEN')
    await page.getByLabel('Value', { exact: true }).fill(typed)
    await visitor.picture('secret-form')
    await press('Seal and put')
    await page.getByRole('rowheader', { name: 'BROWSER_TOKEN v1' }).waitFor()
    await press('Replace BROWSER_TOKEN')
    await page.getByLabel('Value', { exact: true }).fill(`${typed}-2`)
    await press('Seal and put')
    await page.getByRole('rowheader', { name: 'BROWSER_TOKEN v2' }).waitFor()
    await press('Add a secret')
    await page.getByLabel('Name', { exact: true }).fill('MISTAKE')
    await page.getByLabel('Value', { exact: true }).fill('a value to revoke')
    await press('Seal and put')
    await press('Revoke MISTAKE')
    await press('Revoke the secret')
    await page.getByRole('rowheader', { name: 'MISTAKE revoked' }).waitFor()
    await press('Add a secret')
    await page.getByLabel('Name', { exact: true }).fill('RELEASE')
    await page.getByLabel('Kind', { exact: true }).selectOption('signing')
    await page.getByLabel('Value', { exact: true }).fill('-----BEGIN RSA PRIVATE KEY-----\n')
    await press('Seal and put')
    await page.getByText('not PKCS #8').waitFor()
    await visitor.picture('secret-form-signing')
    await page.getByLabel('Value', { exact: true }).fill(signs.trim())
    await press('Seal and put')
    await page.getByRole('rowheader', { name: 'RELEASE v1' }).waitFor()
    await page.getByText('Public key and signatures of RELEASE').click()
    await page.getByText('BEGIN PUBLIC KEY').waitFor()
    await page.getByText('Nothing was signed with it.').waitFor()
    await visitor.picture('secrets')
    await lookAfter(visitor)
    await page.goto(`${installation.url}/settings/signers`)
    await page.getByText('Another passkey').click()
    await page.getByLabel('Code of the operator').fill(succeeds('vault signer-code').trim())
    await page.getByLabel('Name of this passkey').fill('Safe')
    await press('Make the passkey')
    await page.getByRole('button', { name: 'Remove Safe' }).waitFor()
    assert.equal(await page.getByLabel('Code of the operator').inputValue(), '', 'a used code is gone')
    await press('Remove Safe')
    await page.getByRole('dialog').getByLabel('Sign with').selectOption('Ada')
    await press('Sign and remove')
    await page.getByRole('row', { name: /Safe.*by Ada.*removed.*by Ada/ }).waitFor()
    await visitor.picture('signers')
    assert.ok(sent.some((body) => body.includes('"secret.put"')))
    assert.equal(holds(Buffer.from(sent.join('\n')), forms), false)
    assert.deepEqual(complaints, [])
  }

  /** Without a new value, and a file of several. */
  const lookAfter = async ({ page, picture }: Visitor): Promise<void> => {
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    await page.getByRole('link', { name: 'BROWSER_TOKEN' }).click()
    await page.waitForURL('**/secrets?secret=BROWSER_TOKEN')
    await press('Disable')
    await page.getByRole('rowheader', { name: 'BROWSER_TOKEN disabled' }).waitFor()
    await press('Enable')
    await page.getByRole('rowheader', { name: 'BROWSER_TOKEN v2' }).waitFor()
    await page.getByLabel('Due', { exact: true }).selectOption('90')
    await press('Sign and set')
    await page.getByText('Due in 90 days').waitFor()
    await press('Who can reach this?')
    await page.getByText('Ada', { exact: true }).first().waitFor()
    await picture('secret-panel')
    await page.keyboard.press('r')
    await page.getByRole('heading', { name: 'New version of BROWSER_TOKEN' }).waitFor()
    await press('Cancel')
    await press('Close')
    await press('Import .env')
    const lines = `IMPORTED=${typed}-3\nPLACE=changeme\n`
    const file = { name: '.env', mimeType: 'text/plain', buffer: Buffer.from(lines) }
    await page.getByLabel('File', { exact: true }).setInputFiles(file)
    assert.equal(await page.getByLabel('Put PLACE').isChecked(), false)
    assert.equal((await page.content()).includes(typed), false, 'names, never values')
    await page.evaluate(`{
      const { credentials } = navigator, get = credentials.get
      credentials.get = async () => {
        credentials.get = get
        throw new DOMException('nobody touched it', 'NotAllowedError')
      }
    }`)
    await press('Seal and put 1')
    await page.getByText('The passkey was not given').waitFor()
    assert.ok(await page.getByLabel('Put IMPORTED').isChecked(), 'it can be tried again')
    await press('Seal and put 1')
    await page.getByText('put, version 1').waitFor()
    await page.getByRole('rowheader', { name: 'IMPORTED v1' }).waitFor()
    await picture('secret-import')
    await press('Close')
  }

  test('is put, listed without its value, and used by a job; the log shows it masked', async () => {
    succeeds('secrets set DEPLOY_TOKEN --project vessel', `${token}\n`)
    assert.match(cli('secrets set FLAG --project vessel', '1').stderr, /masked in logs: --allow-unmaskable/)
    succeeds('secrets set FLAG --project vessel --allow-unmaskable', '1')
    await writeFile(join(place, 'keystore'), keystore)
    succeeds(`secrets set KEYSTORE --project vessel --kind file --file ${join(place, 'keystore')}`)
    await rm(join(place, 'keystore'))
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'of vessel', '-f', join(place, 'key')])
    const print = execFileSync('ssh-keygen', ['-l', '-f', join(place, 'key')], { encoding: 'utf8' })
    // Any key will do for the host's: nobody signs in here.
    const [type, hostKey] = (await readFile(join(place, 'key.pub'), 'utf8')).split(' ')
    await writeFile(join(place, 'hosts'), `# as scanned\ngit.example.org ${type} ${hostKey}\n`)
    const ssh = `secrets set DEPLOY_KEY --project vessel --kind ssh --file ${join(place, 'key')}`
    assert.match(cli(ssh).stderr, /--known-hosts/)
    succeeds(`${ssh} --known-hosts ${join(place, 'hosts')}`)
    await rm(join(place, 'key'))
    assert.match(
      succeeds('secrets show DEPLOY_KEY --project vessel'),
      /^for {6}git\.example\.org ssh-ed25519 A/m,
    )
    const id = run()
    await waitFor('the step to print', () => log(id).includes('open: '))
    assert.deepEqual(ours().flatMap(exposed), [], 'while the job has it')
    assert.equal(await ends(id), 'passed', log(id))
    const text = log(id)
    assert.ok(text.includes(`variable ${sha256(token)}`), text)
    assert.ok(text.includes(`file ${sha256(keystore)}`), text)
    assert.ok(text.includes(`browser ${sha256(`${typed}-2`)}`), text)
    assert.ok(text.includes(print.split(' ')[1] ?? ''), text)
    assert.equal(holds(Buffer.from(text), forms), false, text)
    const shown = JSON.parse(succeeds('secrets show DEPLOY_TOKEN --project vessel --json'))
    assert.deepEqual([shown.detail.version, shown.detail.releases], [1, 1])
    assert.equal(shown.detail.last_release.run_id, id)
    assert.equal(JSON.stringify(shown).includes(token), false)
  })

  test('its bytes are nowhere else: no database, no disk, no log, no process table, no memory that passed it on', () => {
    // What is found must be findable: the name of the secret is in the same places.
    const name = [Buffer.from('DEPLOY_TOKEN')]
    const { supervisor, server, database } = programs()
    assert.notEqual(memoryWith(name, server).length, 0)
    assert.ok(filesWith(name, join(place, 'stamp')).some((path) => path.startsWith(installation.data)))
    assert.deepEqual(memoryWith(forms, [...supervisor, ...server, ...database]), [])
    assert.deepEqual(processesWith(forms), [])
    assert.deepEqual(filesWith(forms, join(place, 'stamp')), [])
  })

  test('a new version takes its place, and a revoked one reaches nobody', async () => {
    succeeds('secrets set DEPLOY_TOKEN --project vessel', 'another value for it')
    const [second] = [run()]
    assert.equal(await ends(second), 'passed')
    assert.ok(log(second).includes(`variable ${sha256('another value for it')}`))
    succeeds('secrets revoke DEPLOY_TOKEN --project vessel')
    const third = run()
    await ends(third)
    assert.ok(log(third).includes(`variable ${sha256('')}`))
  })

  test('a file of them is sealed line by line, and what is no value is left out by name', async () => {
    const file = join(place, 'names.env')
    await writeFile(file, `ONE="first \\"value\\" of it"\nTWO=changeme\nFLAG=1\n`)
    const dry = cli(`secrets import ${file} --project vessel --dry-run`)
    assert.match(dry.stdout, /^ONE\s+1\s+would be set$/m)
    const done = cli(`secret import ${file} --project vessel`)
    await rm(file)
    assert.equal(done.code, 1, 'not all of them were put')
    assert.match(done.stdout, /^ONE\s+1\s+set, version 1$/m)
    assert.match(done.stdout, /^TWO\s+2\s+test value$/m)
    assert.match(done.stdout, /^FLAG\s+3\s+too short$/m)
    assert.match(done.stderr, /--allow-test-value NAME/)
    assert.equal(`${done.stdout}${done.stderr}`.includes('first'), false)
    const again = cli('secrets import - --project vessel --replace', 'ONE=another value of it\nonly words')
    assert.match(again.stderr, /nothing was sent: -:2: no NAME=value/)
    succeeds('secrets import - --project vessel --replace', 'ONE=another value of it')
  })

  test('what is due, disabled or beside a newer one is said, and a job has both', async () => {
    succeeds('secrets set ONE --project vessel --overlap 7d --rotate-after 90d', 'the newest value of it')
    assert.match(succeeds('secrets show ONE --project vessel'), /^before {3}ONE_PREVIOUS until /m)
    assert.match(succeeds('secrets disable ONE --project vessel'), /^ONE is disabled/)
    assert.match(succeeds('secrets reach ONE --project vessel'), /^nothing {2}it is disabled$/m)
    succeeds('secrets enable ONE --project vessel')
    const reach = JSON.parse(succeeds('secrets reach ONE --project vessel --json'))
    assert.deepEqual(reach.jobs, [{ project: 'vessel', ref: 'refs/heads/main', events: ['push', 'manual'] }])
    const overdue = JSON.parse(succeeds('secrets list --project vessel --view overdue --json'))
    assert.deepEqual(overdue.items, [])
    assert.match(
      succeeds('secrets rotate ONE --project vessel --overlap 7d --generate 24'),
      /^ONE is version \d+:/,
    )
    succeeds('secrets rotate ONE --project vessel', 'another value of it')
    succeeds('secrets rotate ONE --project vessel --overlap 7d', 'the newest value of it')
    const id = run()
    assert.equal(await ends(id), 'passed')
    assert.ok(
      log(id).includes(`both ${sha256('the newest value of it')} ${sha256('another value of it')}`),
      log(id),
    )
  })

  test('one that a job says packed is revoked by itself where its owner chose so, and the page says where it was seen', async () => {
    succeeds('secrets set SPILT --project vessel --on-leak revoke', 'a value that will be spilt')
    succeeds('secrets set WATCHED --project vessel', 'a value that will be seen, too')
    const spill = `[{run: 'echo "$SPILT $WATCHED" | gzip | base64 -w0'}]`
    const config = `version: 2.1\njobs:${job('use', spill)}\nworkflows: {main: {jobs: [use]}}\n`
    repository.push({ '.circleci/config.yml': config }, 'spill')
    const id = run()
    assert.equal(await ends(id), 'passed', log(id))
    const view = JSON.parse(succeeds('secrets list --project vessel --view leaked --json'))
    assert.deepEqual(
      view.items.map(({ name, state }: { name: string; state: string }) => [name, state]),
      [
        ['SPILT', 'revoked'],
        ['WATCHED', 'active'],
      ],
    )
    assert.match(
      succeeds('secrets show SPILT --project vessel'),
      /^leaked {3}\S+ in the output of vessel#\d+; revoked/m,
    )
    // The value that is put next is good.
    succeeds('secrets set SPILT --project vessel', 'another value than the spilt one')
    assert.match(
      succeeds('secrets show SPILT --project vessel'),
      /^leaked {3}not that is known of; revoked by itself then$/m,
    )
  })

  test('what a setup job came to gets secrets for the word of its runner', async () => {
    repository.push({ '.circleci/config.yml': setup, '.circleci/next.yml': continued }, 'set up')
    const id = run()
    assert.equal(await ends(id), 'passed', log(id))
    assert.ok(log(id).includes(`continued ${sha256(keystore)}`), log(id))
    assert.match(log(id), /and its setup job made this one/)
  })

  test('somebody who can write into the database gets no secret for a script of their own', async () => {
    repository.push({ '.circleci/config.yml': gated }, 'a gate')
    const { id, number }: { id: string; number: number } = JSON.parse(
      succeeds('runs start --project vessel --json'),
    )
    const steal = 'echo "$KEYSTORE" "$BROWSER_TOKEN" | rev'
    const database = openState({ data: installation.data, run: installation.run })
    try {
      const where = `run_id = '${id}' and key = 'use'`
      const spec = await waitFor('the gate', async () => {
        const waiting = `select spec::text from jobs where ${where} and status = 'waiting'`
        return (await database.ask<{ spec: string }>(waiting))[0]?.spec
      })
      const evil = spec.replace('echo fine', JSON.stringify(steal).slice(1, -1))
      assert.notEqual(evil, spec)
      const digest = await jcsDigest(JSON.parse(evil))
      await database.ask(
        `update jobs set spec = $evil$${evil}$evil$, spec_digest = '${digest}' where ${where}`,
      )
    } finally {
      await database.close()
    }
    succeeds(`approve ${number} -R vessel`)
    assert.equal(await ends(id), 'failed', log(id))
    assert.match(log(id), /is not what the configuration of \w{12} says.*\[MF3010\]/)
  })

  test('a vault that shows another key than the pinned one is not sealed to', async () => {
    const pins = join(place, 'home/.config/mayfly/vault-keys.json')
    const [pin]: { installation: string }[] = JSON.parse(await readFile(pins, 'utf8'))
    await writeFile(pins, JSON.stringify([{ ...pin, vsign: 'A'.repeat(43) }]))
    const refused = cli('secrets set DEPLOY_TOKEN --project vessel', 'never to be sent')
    assert.match(refused.stderr, /MF5017/)
    assert.equal(refused.code, 3)
  })

  /** Every process of this installation, by what its command line says. */
  const processes = () =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => ({ pid: Number(pid), line: commandLine(pid) }))
      .filter(({ line }) => line.includes(installation.data))
  const programs = () => {
    const of = (part: RegExp) => {
      const pids = processes().flatMap(({ pid, line }) => (part.test(line) ? [pid] : []))
      assert.notEqual(pids.length, 0, `no process ${part}`)
      return pids
    }
    return { supervisor: [installation.pid], server: of(/server\.js/), database: of(/postgres/) }
  }
  /** Not the job's own: it has the variable, as it was declared to. */
  const ours = () => processes().filter(({ line }) => /\.js|postgres/.test(line))
  const exposed = ({ pid }: { readonly pid: number }) =>
    ['cmdline', 'environ'].filter((file) => holds(readOf(`/proc/${pid}/${file}`), forms))
})

const commandLine = (pid: string): string => readOf(`/proc/${pid}/cmdline`).toString().replaceAll('\0', ' ')
const readOf = (path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch {
    // It ended since it was listed.
    return Buffer.alloc(0)
  }
}
